// English: the language that every other one is checked against.
import account from "./account.json";
import changes from "./changes.json";
import common from "./common.json";
import drawer from "./drawer.json";
import editor from "./editor.json";
import files from "./files.json";
import frame from "./frame.json";
import home from "./home.json";
import machine from "./machine.json";
import palette from "./palette.json";
import presence from "./presence.json";
import problem from "./problem.json";
import save from "./save.json";
import search from "./search.json";
import site from "./site.json";
import stage from "./stage.json";

export const en = {
  account,
  changes,
  common,
  drawer,
  editor,
  files,
  frame,
  home,
  machine,
  palette,
  presence,
  problem,
  save,
  search,
  site,
  stage,
};
