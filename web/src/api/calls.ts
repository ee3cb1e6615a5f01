// One function per operation of the API that this page uses, named as in the API.
import { send, sendJson, upload } from "./http";
import { noAnswer } from "./problem";
import type {
  App,
  Artifact,
  ChangeRequest,
  ChangeResponse,
  FileList,
  HostingSettings,
  MachineView,
  Me,
  Page,
  Publish,
  Release,
  Revision,
  SessionView,
  TemplateView,
  Validation,
} from "./types";

const RECENT_APPS = 50;
const HISTORY_PAGE = 25;

function appPath(app: string): string {
  return `/v1/apps/${encodeURIComponent(app)}`;
}

function pageQuery(limit: number, cursor: string | undefined): URLSearchParams {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor !== undefined) query.set("cursor", cursor);
  return query;
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

/** Runs one command in the app's sandbox; the answer is a stream of server-sent events. */
export function execUrl(app: string): string {
  return `${appPath(app)}/session/exec`;
}

/** A stream of server-sent events: what the app's previews tell, wherever they are open. */
export function previewEventsUrl(app: string): string {
  return `${appPath(app)}/session/events`;
}

/** Makes a link that shows the app's preview, as it is edited, to whoever has it. */
export function createPreviewLink(
  app: string,
  wish: { label: string; expires_in_secs: number },
): Promise<{ id: string; url: string }> {
  return sendJson("POST", `${appPath(app)}/preview-links`, { json: wish });
}

/** Takes a link back; it opens nothing from then on. */
export async function deletePreviewLink(app: string, link: string): Promise<void> {
  await send("DELETE", `${appPath(app)}/preview-links/${encodeURIComponent(link)}`);
}

export function getMe(signal: AbortSignal): Promise<Me> {
  return sendJson("GET", "/v1/me", { signal });
}

/** The machine, and its `limit` sandboxes with the most memory; for whoever runs the server. */
export function getMachine(limit: number, signal: AbortSignal): Promise<MachineView> {
  return sendJson("GET", `/v1/machine?limit=${limit}`, { signal });
}

export async function signIn(email: string, password: string): Promise<void> {
  await send("POST", "/v1/sign-in", { json: { email, password } });
}

export async function signInWithKey(key: string): Promise<void> {
  await send("POST", "/v1/sign-in", { json: { key } });
}

/** Sets what the person signs in with, and signs them out in their other browsers. */
export async function setPassword(email: string, password: string): Promise<void> {
  await send("PUT", "/v1/me/password", { json: { email, new_password: password } });
}

/** Makes the owner of an account, or of a new one, a member; this browser is theirs then. */
export async function acceptInvite(code: string, email: string, password: string): Promise<void> {
  await send("POST", "/v1/invites/accept", { json: { code, email, password } });
}

export async function signOut(): Promise<void> {
  await send("POST", "/v1/sign-out");
}

export function listTemplates(signal: AbortSignal): Promise<Page<TemplateView>> {
  return sendJson("GET", "/v1/templates", { signal });
}

export function listApps(cursor: string | undefined, signal: AbortSignal): Promise<Page<App>> {
  return sendJson("GET", `/v1/apps?${pageQuery(RECENT_APPS, cursor)}`, { signal });
}

export function createApp(name: string, template: string): Promise<App> {
  return sendJson("POST", "/v1/apps", { json: { name, template, session: true } });
}

/** `skipped` are entries of the archive that do not belong into a project. */
export function importApp(
  name: string,
  archive: Blob,
  onSent: (sent: number, total: number) => void,
  signal: AbortSignal,
): Promise<App & { skipped?: string[] }> {
  const form = new FormData();
  form.set("name", name);
  form.set("archive", archive, "project.zip");
  return upload("/v1/apps", form, onSent, signal);
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

/**
 * Applies a change set. The same `idempotencyKey` with the same request is applied once, however often it is sent.
 * `clientId` is what the app's channel calls this page.
 */
export function applyChanges(
  app: string,
  request: ChangeRequest,
  idempotencyKey: string,
  clientId: string | undefined,
): Promise<ChangeResponse> {
  return sendJson("POST", `${appPath(app)}/changes`, {
    json: request,
    headers: { "Idempotency-Key": idempotencyKey, ...(clientId && { "X-Vitrine-Client": clientId }) },
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

export function getRevision(app: string, revision: string, signal: AbortSignal): Promise<Revision> {
  return sendJson("GET", `${appPath(app)}/revisions/${encodeURIComponent(revision)}`, { signal });
}

/** Asks what would break a build of the draft; saves nothing. */
export function validateApp(app: string): Promise<Validation> {
  return sendJson("POST", `${appPath(app)}/validate`, { json: {} });
}

export type PublishWish = Pick<Publish, "target" | "mode">;

/** Builds the draft as it is on the server. The same `idempotencyKey` makes one publish, however often it is sent. */
export function publishApp(app: string, wish: PublishWish, idempotencyKey: string): Promise<Publish> {
  return sendJson("POST", `${appPath(app)}/publishes`, {
    json: wish,
    headers: { "Idempotency-Key": idempotencyKey },
  });
}

export function listPublishes(
  app: string,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Page<Publish>> {
  return sendJson("GET", `${appPath(app)}/publishes?${pageQuery(HISTORY_PAGE, cursor)}`, { signal });
}

export async function cancelPublish(app: string, publish: string): Promise<void> {
  await send("POST", `${appPath(app)}/publishes/${encodeURIComponent(publish)}/cancel`);
}

/** A stream of server-sent events: `log`, `publish`, `end`. */
export function publishLogsUrl(app: string, publish: string): string {
  return `${appPath(app)}/publishes/${encodeURIComponent(publish)}/logs`;
}

export function listReleases(
  app: string,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Page<Release>> {
  return sendJson("GET", `${appPath(app)}/releases?${pageQuery(HISTORY_PAGE, cursor)}`, { signal });
}

export function getArtifact(app: string, artifact: string, signal: AbortSignal): Promise<Artifact> {
  return sendJson("GET", `${appPath(app)}/artifacts/${encodeURIComponent(artifact)}`, { signal });
}

/** Makes an artifact what strangers see. */
export async function promoteArtifact(app: string, artifact: string): Promise<void> {
  await send("POST", `${appPath(app)}/releases`, { json: { artifact } });
}

export async function unpublishApp(app: string): Promise<void> {
  await send("DELETE", `${appPath(app)}/releases/current`);
}

export function getHosting(app: string, signal: AbortSignal): Promise<HostingSettings> {
  return sendJson("GET", `${appPath(app)}/hosting`, { signal });
}

export async function setHosting(app: string, settings: HostingSettings): Promise<void> {
  await send("PUT", `${appPath(app)}/hosting`, { json: settings });
}
