// English: the language that every other one is checked against.
import common from "./common.json";
import stage from "./stage.json";

export const en = { common, stage };
