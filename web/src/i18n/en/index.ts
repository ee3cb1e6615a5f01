// English: the language that every other one is checked against.
import common from "./common.json";

export const en = { common };
