// One function per operation of the API that this page uses, named as in the API.
import { send, sendJson } from "./http";
import { noAnswer } from "./problem";
import type {
  App,
  ChangeRequest,
  ChangeResponse,
  FileList,
  Me,
  Page,
  SessionView,
  TemplateView,
} from "./types";

const RECENT_APPS = 50;

function appPath(app: string): string {
  return `/v1/apps/${encodeURIComponent(app)}`;
}

/** Where a file's bytes are; also usable as the address of an image. */
export function fileUrl(app: string, path: string): string {
  return `${appPath(app)}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
}

export function exportUrl(app: string): string {
  return `${appPath(app)}/export?format=zip`;
}

export function sessionLogsUrl(app: string): string {
  return `${appPath(app)}/session/logs`;
}

export function getMe(signal: AbortSignal): Promise<Me> {
  return sendJson("GET", "/v1/me", { signal });
}

export async function signIn(key: string): Promise<void> {
  await send("POST", "/v1/sign-in", { json: { key } });
}

export async function signOut(): Promise<void> {
  await send("POST", "/v1/sign-out");
}

export function listTemplates(signal: AbortSignal): Promise<Page<TemplateView>> {
  return sendJson("GET", "/v1/templates", { signal });
}

export function listApps(cursor: string | undefined, signal: AbortSignal): Promise<Page<App>> {
  const query = new URLSearchParams({ limit: String(RECENT_APPS) });
  if (cursor !== undefined) query.set("cursor", cursor);
  return sendJson("GET", `/v1/apps?${query}`, { signal });
}

export function createApp(name: string, template: string): Promise<App> {
  return sendJson("POST", "/v1/apps", { json: { name, template, session: true } });
}

export function importApp(name: string, archive: File): Promise<App> {
  const form = new FormData();
  form.set("name", name);
  form.set("archive", archive);
  return sendJson("POST", "/v1/apps", { body: form });
}

export function getApp(app: string, signal: AbortSignal): Promise<App> {
  return sendJson("GET", appPath(app), { signal });
}

export function renameApp(app: string, name: string): Promise<App> {
  return sendJson("PATCH", appPath(app), { json: { name } });
}

export async function deleteApp(app: string): Promise<void> {
  await send("DELETE", appPath(app));
}

export function listFiles(app: string): Promise<FileList> {
  return sendJson("GET", `${appPath(app)}/files`);
}

/** A file's bytes. */
export async function readFile(app: string, path: string): Promise<ArrayBuffer> {
  const response = await send("GET", fileUrl(app, path), { headers: { Accept: "*/*" } });
  return response.arrayBuffer().catch(() => {
    throw noAnswer();
  });
}

/** Applies a change set. The same `idempotencyKey` with the same request is applied once, however often it is sent. */
export function applyChanges(
  app: string,
  request: ChangeRequest,
  idempotencyKey: string,
): Promise<ChangeResponse> {
  return sendJson("POST", `${appPath(app)}/changes`, {
    json: request,
    headers: { "Idempotency-Key": idempotencyKey },
  });
}

export async function uploadBlob(app: string, sha256: string, bytes: ArrayBuffer): Promise<void> {
  await send("PUT", `${appPath(app)}/blobs/${sha256}`, {
    body: bytes,
    headers: { "Content-Type": "application/octet-stream" },
  });
}

/** Starts the session unless it runs; safe to call at any time. */
export function ensureSession(app: string): Promise<SessionView> {
  return sendJson("PUT", `${appPath(app)}/session`);
}

export function getSession(app: string, signal?: AbortSignal): Promise<SessionView> {
  return sendJson("GET", `${appPath(app)}/session`, signal ? { signal } : {});
}

export async function restartSession(app: string): Promise<void> {
  await send("POST", `${appPath(app)}/session/restart`);
}

export async function heartbeatSession(app: string): Promise<void> {
  await send("POST", `${appPath(app)}/session/heartbeat`);
}
