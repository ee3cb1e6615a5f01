// Deutsch.
import type { Catalogs } from "../catalogs";
import account from "./account.json";
import common from "./common.json";
import home from "./home.json";
import machine from "./machine.json";
import palette from "./palette.json";
import problem from "./problem.json";
import settings from "./settings.json";
import site from "./site.json";

export const de: Catalogs = { account, common, home, machine, palette, problem, settings, site };
