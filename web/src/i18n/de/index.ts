// Deutsch.
import type { Catalogs } from "../catalogs";
import changes from "./changes.json";
import common from "./common.json";
import drawer from "./drawer.json";
import editor from "./editor.json";
import files from "./files.json";
import frame from "./frame.json";
import presence from "./presence.json";
import save from "./save.json";
import search from "./search.json";
import stage from "./stage.json";

export const de: Catalogs = { changes, common, drawer, editor, files, frame, presence, save, search, stage };
