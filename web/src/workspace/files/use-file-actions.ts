// What can be done with files in the list. Each answers a sentence about what went wrong, or null.
import i18next from "i18next";
import { useCallback, useMemo, useState } from "react";
import { uploadBlob } from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { Op, Tree } from "../../api/types";
import { detailOf } from "../../components/notice";
import { deleteOps, pathsUnder, renameOps } from "../draft/draft-state";
import type { DraftSync } from "../draft/draft-sync";
import { sha256 } from "../draft/sha256";
import { copyName, isPlausiblePath, joinPath } from "./tree-model";

export interface FileActions {
  create(path: string): Promise<string | null>;
  rename(from: string, to: string): Promise<string | null>;
  /** Makes a copy beside it; answers its path, or the sentence as `fault`. */
  duplicate(path: string): Promise<{ path: string } | { fault: string }>;
  remove(path: string): Promise<string | null>;
  /** Adds files to a folder, replacing those of the same name. */
  upload(files: readonly File[], folder: string): Promise<string | null>;
  /** How many files are being uploaded. */
  uploading: number;
  /** What was deleted last, until something else is done. */
  deleted: Deleted | undefined;
  /** Puts it back. */
  takeBack(): Promise<string | null>;
  forgetDeleted(): void;
}

export interface Deleted {
  path: string;
  ops: Op[];
}

export function useFileActions(app: string, draft: DraftSync): FileActions {
  const [uploading, setUploading] = useState(0);
  const [deleted, setDeleted] = useState<Deleted>();

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
  const remove = useCallback(
    async (path: string) => {
      // What is typed in it is saved first, so that taking it back brings that back as well.
      await draft.saved();
      const ops = writesOf(draft.state.files, path);
      const fault = await outcome(draft.change(deleteOps(draft.state.files, path)));
      if (fault === null) setDeleted({ path, ops });
      return fault;
    },
    [draft],
  );
  const takeBack = useCallback(async () => {
    setDeleted(undefined);
    return deleted ? outcome(draft.change(deleted.ops)) : null;
  }, [draft, deleted]);

  return useMemo(
    () => ({
      upload,
      uploading,
      remove,
      deleted,
      takeBack,
      forgetDeleted: () => setDeleted(undefined),
      create: async (path) => {
        const fault = faultOf(path, draft);
        return fault ?? outcome(draft.change([{ op: "write", path, text: "" }]));
      },
      rename: async (from, to) => {
        if (from === to) return null;
        if (to.startsWith(`${from}/`)) return i18next.t("files:intoItself");
        const fault = faultOf(to, draft);
        return fault ?? outcome(draft.change(renameOps(draft.state.files, from, to)));
      },
      duplicate: async (path) => {
        await draft.saved();
        const entry = draft.state.files[path];
        if (!entry) return { fault: i18next.t("files:notDone") };
        const copy = copyName(path, (name) => name in draft.state.files);
        const fault = await outcome(
          draft.change([{ op: "write", path: copy, sha256: entry.sha256, mode: entry.mode }]),
        );
        return fault === null ? { path: copy } : { fault };
      },
    }),
    [draft, upload, uploading, remove, deleted, takeBack],
  );
}

/** What would write the files under `path` as they are. */
function writesOf(files: Tree, path: string): Op[] {
  return pathsUnder(files, path).flatMap((file) => {
    const entry = files[file];
    return entry ? [{ op: "write" as const, path: file, sha256: entry.sha256, mode: entry.mode }] : [];
  });
}

async function uploadOne(app: string, file: File, folder: string): Promise<Op> {
  const bytes = await file.arrayBuffer();
  const hash = await sha256(bytes);
  await uploadBlob(app, hash, bytes);
  return { op: "write", path: joinPath(folder, file.name), sha256: hash };
}

function faultOf(path: string, draft: DraftSync): string | null {
  if (!isPlausiblePath(path)) return i18next.t("files:badName");
  return path in draft.state.files ? i18next.t("files:exists", { path }) : null;
}

function outcome(change: Promise<void>): Promise<string | null> {
  return change.then(() => null, sentenceOf);
}

function sentenceOf(error: unknown): string {
  const problem = asProblem(error);
  return `${problem.title}. ${detailOf(problem)}`;
}
