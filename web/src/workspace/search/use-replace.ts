// Replaces all that was found, as one change set: all of it or nothing, and back again with one press.
import { useMutation } from "@tanstack/react-query";
import { readFile } from "../../api/calls";
import type { SearchWish } from "../../api/search-calls";
import type { Op } from "../../api/types";
import { decodeText } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import { type FileMatches, replaceIn, replacementOf } from "./replace";

export interface ReplaceWish {
  files: readonly FileMatches[];
  wish: SearchWish;
  replacement: string;
}

export interface Replaced {
  places: number;
  files: number;
  /** True when some files had changed since they were searched, and were left alone. */
  skipped: boolean;
  /** Puts the files back as they were. */
  undo: Op[];
}

/** The draft could not be saved, so what would be replaced is not what the person sees. */
export class NotSaved extends Error {}

export function useReplace(app: string, draft: DraftSync) {
  return useMutation({
    mutationFn: async ({ files, wish, replacement }: ReplaceWish): Promise<Replaced> => {
      const { status } = await draft.saved();
      if (status !== "saved") throw new NotSaved(status);
      const ops: Op[] = [];
      const undo: Op[] = [];
      let places = 0;
      for (const { path, matches } of files) {
        const before = await textOf(app, draft, path);
        const after =
          before && replaceIn(before.text, matches, (found) => replacementOf(wish, found, replacement));
        if (!before || after === null || after === undefined) continue;
        ops.push({ op: "write", path, text: after });
        undo.push({ op: "write", path, sha256: before.sha });
        places += matches.length;
      }
      if (ops.length > 0) await draft.change(ops);
      return { places, files: ops.length, skipped: ops.length < files.length, undo };
    },
  });
}

/** The text as it is on the server, and its hash; null when there is none any more. */
async function textOf(
  app: string,
  draft: DraftSync,
  path: string,
): Promise<{ text: string; sha: string } | null> {
  const entry = draft.state.files[path];
  if (!entry) return null;
  const open = draft.state.openFiles.get(path);
  if (open?.kind === "text" && !open.dirty && open.baseSha !== null)
    return { text: open.text, sha: open.baseSha };
  const text = decodeText(await readFile(app, path));
  return text === null ? null : { text, sha: entry.sha256 };
}
