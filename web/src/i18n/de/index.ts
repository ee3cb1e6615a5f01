// Deutsch.
import type { Catalogs } from "../catalogs";
import common from "./common.json";
import drawer from "./drawer.json";
import stage from "./stage.json";

export const de: Catalogs = { common, drawer, stage };
