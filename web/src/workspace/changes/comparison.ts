// What is held against what in the changes, and what undoing one file of it takes. Pure.
import type { Checkpoint, FileChange } from "../../api/revision-calls";
import type { Op } from "../../api/types";

/** From an older state to a newer one; `to` undefined: the draft as it is now. */
export interface Comparison {
  from: string;
  to: string | undefined;
}

/** The comparison as it stands in the URL: `rev_1`, or `rev_1..rev_2`. */
export function comparisonOf(text: string): Comparison | undefined {
  const [from = "", to] = text.split("..");
  if (from === "") return undefined;
  return { from, to: to === "" ? undefined : to };
}

export function nameOfComparison({ from, to }: Comparison): string {
  return to === undefined ? from : `${from}..${to}`;
}

/** Two checkpoints, the older one first, whichever was chosen first. */
export function between(a: Checkpoint, b: Checkpoint): Comparison {
  const [older, newer] = isOlder(a, b) ? [a, b] : [b, a];
  return { from: older.id, to: newer.id };
}

function isOlder(a: Checkpoint, b: Checkpoint): boolean {
  return a.draft_version === b.draft_version
    ? a.created_at < b.created_at
    : a.draft_version < b.draft_version;
}

/** Makes the file of the draft what it was before; nothing when the server did not say what that was. */
export function discardOps(change: FileChange): Op[] {
  const { path, status, from_path, before } = change;
  if (status === "added") return [{ op: "delete", path }];
  if (!before) return [];
  const write = (to: string): Op => ({ op: "write", path: to, sha256: before.sha256, mode: before.mode });
  if (status !== "renamed" || from_path === undefined) return [write(path)];
  return [{ op: "rename", from: path, to: from_path }, write(from_path)];
}

/** Takes `discardOps` back. */
export function undiscardOps(change: FileChange): Op[] {
  const { path, status, from_path, after } = change;
  if (status === "deleted") return [{ op: "delete", path }];
  if (!after) return [];
  const write: Op = { op: "write", path, sha256: after.sha256, mode: after.mode };
  if (status !== "renamed" || from_path === undefined) return [write];
  return [{ op: "rename", from: from_path, to: path }, write];
}
