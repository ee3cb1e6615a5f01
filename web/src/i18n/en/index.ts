// English: the language that every other one is checked against.
import common from "./common.json";
import drawer from "./drawer.json";
import stage from "./stage.json";

export const en = { common, drawer, stage };
