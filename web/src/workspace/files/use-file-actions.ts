// What can be done with files in the list. Each answers a sentence about what went wrong, or null.
import { useCallback, useMemo, useState } from "react";
import { uploadBlob } from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { Op } from "../../api/types";
import { detailOf } from "../../components/notice";
import { strings } from "../../strings";
import { deleteOps, renameOps } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import { sha256 } from "../draft/sha256";
import { isPlausiblePath, joinPath } from "./tree-model";

const text = strings.files;

export interface FileActions {
  create(path: string): Promise<string | null>;
  rename(from: string, to: string): Promise<string | null>;
  remove(path: string): Promise<string | null>;
  /** Adds files to a folder, replacing those of the same name. */
  upload(files: readonly File[], folder: string): Promise<string | null>;
  /** How many files are being uploaded. */
  uploading: number;
}

export function useFileActions(app: string, draft: DraftSync): FileActions {
  const [uploading, setUploading] = useState(0);

  const upload = useCallback(
    async (files: readonly File[], folder: string) => {
      setUploading((count) => count + files.length);
      try {
        const ops: Op[] = [];
        for (const file of files) ops.push(await uploadOne(app, file, folder));
        return await outcome(draft.change(ops));
      } catch (error) {
        return sentenceOf(error);
      } finally {
        setUploading((count) => count - files.length);
      }
    },
    [app, draft],
  );

  return useMemo(
    () => ({
      upload,
      uploading,
      create: async (path) => {
        const fault = faultOf(path, draft);
        return fault ?? outcome(draft.change([{ op: "write", path, text: "" }]));
      },
      rename: async (from, to) => {
        if (from === to) return null;
        const fault = faultOf(to, draft);
        return fault ?? outcome(draft.change(renameOps(draft.state.files, from, to)));
      },
      remove: (path) => outcome(draft.change(deleteOps(draft.state.files, path))),
    }),
    [draft, upload, uploading],
  );
}

async function uploadOne(app: string, file: File, folder: string): Promise<Op> {
  const bytes = await file.arrayBuffer();
  const hash = await sha256(bytes);
  await uploadBlob(app, hash, bytes);
  return { op: "write", path: joinPath(folder, file.name), sha256: hash };
}

function faultOf(path: string, draft: DraftSync): string | null {
  if (!isPlausiblePath(path)) return text.badName;
  return path in draft.state.files ? text.exists(path) : null;
}

function outcome(change: Promise<void>): Promise<string | null> {
  return change.then(() => null, sentenceOf);
}

function sentenceOf(error: unknown): string {
  const problem = asProblem(error);
  return `${problem.title}. ${detailOf(problem)}`;
}
