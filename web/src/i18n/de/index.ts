// Deutsch.
import type { Catalogs } from "../catalogs";
import account from "./account.json";
import common from "./common.json";
import drawer from "./drawer.json";
import home from "./home.json";
import machine from "./machine.json";
import palette from "./palette.json";
import problem from "./problem.json";
import settings from "./settings.json";
import site from "./site.json";
import stage from "./stage.json";

export const de: Catalogs = {
  account,
  common,
  drawer,
  home,
  machine,
  palette,
  problem,
  settings,
  site,
  stage,
};
