// Deutsch.
import type { Catalogs } from "../catalogs";
import common from "./common.json";

export const de: Catalogs = { common };
