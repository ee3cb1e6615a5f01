// What the page knows of a draft, and the pure rules for changing that.
import type { ApiProblem } from "../../api/problem";
import type { Op, Tree } from "../../api/types";

/** Somebody else's version of a file that is being edited here; `text` null: they deleted it. */
export interface Conflict {
  sha: string | null;
  text: string | null;
}

export interface TextFile {
  kind: "text";
  path: string;
  /** What the person sees, saved or not. Nothing but the person and an accepted choice replaces unsaved text. */
  text: string;
  /** The hash of the content this text grew from; null when the file is not on the server. */
  baseSha: string | null;
  /** That content itself, where it is known here. */
  baseText?: string;
  dirty: boolean;
  /** Grows whenever `text` was replaced by something else than typing. */
  loadId: number;
  conflict?: Conflict;
  /** The server refused this very text; sent again after the next edit. */
  rejected?: ApiProblem;
}

export type OpenFile =
  | TextFile
  | { kind: "loading"; path: string }
  | { kind: "binary"; path: string; sha: string; size: number }
  | { kind: "failed"; path: string; problem: ApiProblem };

export type SaveState =
  | { status: "saved" }
  | { status: "saving" }
  | { status: "conflict"; paths: string[] }
  | { status: "offline"; problem: ApiProblem }
  | { status: "failed"; problem: ApiProblem; retrying: boolean };

export interface DraftState {
  /** Null until the list of files was read once. */
  version: number | null;
  files: Tree;
  openFiles: ReadonlyMap<string, OpenFile>;
  /** Why the list of files cannot be read; null when it can. */
  problem: ApiProblem | null;
  save: SaveState;
  /** Texts of a page that is gone, which were not saved then and have come back. */
  restored: readonly Restored[];
}

/** A text that came back, and what it had grown from. */
export interface Restored {
  path: string;
  baseSha: string | null;
}

/** What became of a file on the server while we meant to write it. */
export type Verdict = "unchanged" | "already_saved" | "changed";

/** Compares what the server has with what a write was based on and what it would write. */
export function judge(baseSha: string | null, mySha: string, serverSha: string | null): Verdict {
  if (serverSha === mySha) return "already_saved";
  return serverSha === baseSha ? "unchanged" : "changed";
}

/** The paths of all files in the folder `path`, or the file itself. */
export function pathsUnder(files: Tree, path: string): string[] {
  return Object.keys(files).filter((file) => file === path || file.startsWith(`${path}/`));
}

export function deleteOps(files: Tree, path: string): Op[] {
  return pathsUnder(files, path).map((file) => ({ op: "delete", path: file }));
}

export function renameOps(files: Tree, from: string, to: string): Op[] {
  return pathsUnder(files, from).map((file) => ({
    op: "rename",
    from: file,
    to: to + file.slice(from.length),
  }));
}

/** The open files after `ops` were applied: deleted ones are gone, renamed ones have moved with their text. */
export function moveOpenFiles(
  openFiles: ReadonlyMap<string, OpenFile>,
  ops: readonly Op[],
): Map<string, OpenFile> {
  const moved = new Map(openFiles);
  for (const op of ops) {
    if (op.op === "delete") moved.delete(op.path);
    if (op.op !== "rename") continue;
    const file = moved.get(op.from);
    if (!file) continue;
    moved.delete(op.from);
    moved.set(op.to, { ...file, path: op.to });
  }
  return moved;
}

/** The tree after `ops`, as far as it can be known here; new content has no hash until the list is read again. */
export function applyToTree(files: Tree, ops: readonly Op[]): Tree {
  const next = { ...files };
  for (const op of ops) {
    if (op.op === "write") {
      const mode = op.mode ?? next[op.path]?.mode ?? "100644";
      next[op.path] = { sha256: "sha256" in op ? op.sha256 : "", size: next[op.path]?.size ?? 0, mode };
    } else if (op.op === "delete") {
      delete next[op.path];
    } else {
      const entry = next[op.from];
      delete next[op.from];
      if (entry) next[op.to] = entry;
    }
  }
  return next;
}

/** Larger files are shown with what can be done with them instead of in the editor. */
export const MAX_TEXT_BYTES = 2 * 1024 * 1024;

/** The text of `bytes`, or null when they are no text or too much of it for an editor. */
export function decodeText(bytes: ArrayBuffer): string | null {
  if (bytes.byteLength > MAX_TEXT_BYTES) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

/** A file as just read. */
export function openFileOf(path: string, bytes: ArrayBuffer, sha: string): OpenFile {
  const text = decodeText(bytes);
  if (text === null) return { kind: "binary", path, sha, size: bytes.byteLength };
  return { kind: "text", path, text, baseSha: sha, baseText: text, dirty: false, loadId: 0 };
}

/** How saving goes, worst news first. */
export function saveStateOf(
  openFiles: ReadonlyMap<string, OpenFile>,
  waiting: ApiProblem | null,
  busy: boolean,
): SaveState {
  const texts = [...openFiles.values()].filter((file) => file.kind === "text");
  const conflicts = texts.filter((file) => file.conflict).map((file) => file.path);
  if (conflicts.length > 0) return { status: "conflict", paths: conflicts };
  if (waiting?.code === "no_answer") return { status: "offline", problem: waiting };
  if (waiting) return { status: "failed", problem: waiting, retrying: true };
  const rejected = texts.find((file) => file.rejected)?.rejected;
  if (rejected) return { status: "failed", problem: rejected, retrying: false };
  return busy || texts.some((file) => file.dirty) ? { status: "saving" } : { status: "saved" };
}
