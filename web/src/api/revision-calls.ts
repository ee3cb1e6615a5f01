// The operations on an app's history: checkpoints, what differs between them, and the ways back and forth.
import { fileUrl } from "./calls";
import { send, sendJson } from "./http";
import { noAnswer } from "./problem";
import type { FileMode, Page, Publish, Revision } from "./types";

const TIMELINE_PAGE = 50;

/** A revision with its figures. */
export interface Checkpoint extends Revision {
  file_count: number;
  size_bytes: number;
}

export interface FileFacts {
  sha256: string;
  size: number;
  mode: FileMode;
}

export type FileChangeStatus = "added" | "deleted" | "modified" | "renamed";

/** One file that differs; `before` is on the revision's side, `after` on the side it is held against. */
export interface FileChange {
  path: string;
  status: FileChangeStatus;
  from_path?: string;
  before?: FileFacts;
  after?: FileFacts;
  is_text: boolean;
}

export interface RevisionDiff {
  from: { revision: string };
  to: { revision?: string; version?: number };
  files: FileChange[];
  /** True when there are more than are listed. */
  truncated: boolean;
}

function appPath(app: string): string {
  return `/v1/apps/${encodeURIComponent(app)}`;
}

/** Newest first. */
export function listRevisions(
  app: string,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Page<Checkpoint>> {
  const query = new URLSearchParams({ limit: String(TIMELINE_PAGE) });
  if (cursor !== undefined) query.set("cursor", cursor);
  return sendJson("GET", `${appPath(app)}/revisions?${query}`, { signal });
}

/** Keeps the draft as it is on the server; answers with the newest one when nothing has changed since. */
export function createRevision(app: string, label: string | undefined, key: string): Promise<Checkpoint> {
  return sendJson("POST", `${appPath(app)}/revisions`, {
    json: label === undefined ? {} : { label },
    headers: { "Idempotency-Key": key },
  });
}

/** What differs between a revision and `against`: `draft`, or another revision. */
export function diffRevision(
  app: string,
  revision: string,
  against: string,
  signal: AbortSignal,
): Promise<RevisionDiff> {
  const query = new URLSearchParams({ against });
  return sendJson("GET", `${appPath(app)}/revisions/${encodeURIComponent(revision)}/diff?${query}`, {
    signal,
  });
}

/** Where the bytes of a file of a revision are; of the draft without one. */
export function revisionFileUrl(app: string, path: string, revision: string | undefined): string {
  const url = fileUrl(app, path);
  return revision === undefined ? url : `${url}?${new URLSearchParams({ revision })}`;
}

/** A file's bytes as they were in a revision, or are in the draft. */
export async function readRevisionFile(
  app: string,
  path: string,
  revision: string | undefined,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  const url = revisionFileUrl(app, path, revision);
  const response = await send("GET", url, { headers: { Accept: "*/*" }, signal });
  return response.arrayBuffer().catch(() => {
    throw noAnswer();
  });
}

/** Makes the draft hold what the revision holds, as a new version. */
export function restoreRevision(app: string, revision: string, key: string): Promise<{ version: number }> {
  return sendJson("POST", `${appPath(app)}/revisions/${encodeURIComponent(revision)}/restore`, {
    headers: { "Idempotency-Key": key },
  });
}

/** One step back in the history; what is not in it yet is kept as a revision first. */
export function undoDraft(app: string, key: string): Promise<{ version: number }> {
  return sendJson("POST", `${appPath(app)}/undo`, { headers: { "Idempotency-Key": key } });
}

export function redoDraft(app: string, key: string): Promise<{ version: number }> {
  return sendJson("POST", `${appPath(app)}/redo`, { headers: { "Idempotency-Key": key } });
}

/** Publishes a revision instead of the draft. */
export function publishRevision(app: string, revision: string, key: string): Promise<Publish> {
  return sendJson("POST", `${appPath(app)}/publishes`, {
    json: { target: "hosting", mode: "production", revision },
    headers: { "Idempotency-Key": key },
  });
}
