// Deutsch.
import type { Catalogs } from "../catalogs";
import common from "./common.json";
import stage from "./stage.json";

export const de: Catalogs = { common, stage };
