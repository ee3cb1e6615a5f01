// One function per operation of the API that the settings use, named as in the API.
import { send, sendJson } from "./http";
import type {
  ApiKey,
  EgressView,
  Environment,
  Invite,
  Member,
  NewKey,
  NewPreviewLink,
  PreviewLink,
  QuotaUse,
  Role,
  SecretValue,
  SecretView,
  UsageDay,
  VariableView,
} from "./settings-types";
import type { App, Page, Profile } from "./types";

/** Members, keys and invitations are listed at once: the most a page may have. */
const LISTED = 200;

const part = encodeURIComponent;

function appPath(app: string): string {
  return `/v1/apps/${part(app)}`;
}

/** `profile: null` goes back to what the files say. */
export type AppChange = { name?: string; slug?: string; profile?: Profile | null };

export function updateApp(app: string, change: AppChange): Promise<App> {
  return sendJson("PATCH", appPath(app), { json: change });
}

export async function changePassword(current: string | undefined, next: string): Promise<void> {
  const json = { new_password: next, ...(current !== undefined && { current_password: current }) };
  await send("PUT", "/v1/me/password", { json });
}

export async function chooseTenant(tenant: string): Promise<void> {
  await send("POST", "/v1/me/tenant", { json: { tenant } });
}

export async function signOutEverywhere(): Promise<void> {
  await send("POST", "/v1/sign-out-everywhere");
}

export function getMyUsage(signal: AbortSignal): Promise<{ items: QuotaUse[] }> {
  return sendJson("GET", "/v1/me/usage", { signal });
}

export function listMembers(signal: AbortSignal): Promise<Page<Member>> {
  return sendJson("GET", `/v1/members?limit=${LISTED}`, { signal });
}

export function updateMember(user: string, role: Role): Promise<Member> {
  return sendJson("PATCH", `/v1/members/${part(user)}`, { json: { role } });
}

export async function removeMember(user: string): Promise<void> {
  await send("DELETE", `/v1/members/${part(user)}`);
}

export function listInvites(signal: AbortSignal): Promise<Page<Invite>> {
  return sendJson("GET", `/v1/invites?limit=${LISTED}`, { signal });
}

/** `url` is shown this once. */
export function inviteMember(name: string, role: Role): Promise<Invite & { url: string }> {
  return sendJson("POST", "/v1/invites", { json: { name, role } });
}

export async function withdrawInvite(invite: string): Promise<void> {
  await send("DELETE", `/v1/invites/${part(invite)}`);
}

export function listKeys(signal: AbortSignal): Promise<Page<ApiKey>> {
  return sendJson("GET", `/v1/keys?limit=${LISTED}`, { signal });
}

/** `secret` is shown this once. */
export function createKey(key: NewKey): Promise<ApiKey & { secret: string }> {
  return sendJson("POST", "/v1/keys", { json: key });
}

export async function revokeKey(key: string): Promise<void> {
  await send("DELETE", `/v1/keys/${part(key)}`);
}

function environmentPath(app: string, environment: Environment): string {
  return `${appPath(app)}/environments/${environment}`;
}

export function listSecrets(
  app: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ items: SecretView[] }> {
  return sendJson("GET", `${environmentPath(app, environment)}/secrets`, { signal });
}

export function listVariables(
  app: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ items: VariableView[] }> {
  return sendJson("GET", `${environmentPath(app, environment)}/variables`, { signal });
}

export type ValueKind = "secret" | "variable";

function valuePath(app: string, environment: Environment, kind: ValueKind, name: string): string {
  return `${environmentPath(app, environment)}/${kind}s/${part(name)}`;
}

export async function putValue(
  app: string,
  environment: Environment,
  kind: ValueKind,
  name: string,
  value: SecretValue,
): Promise<void> {
  await send("PUT", valuePath(app, environment, kind, name), { json: value });
}

export async function deleteValue(
  app: string,
  environment: Environment,
  kind: ValueKind,
  name: string,
): Promise<void> {
  await send("DELETE", valuePath(app, environment, kind, name));
}

export function listPreviewLinks(app: string, signal: AbortSignal): Promise<{ items: PreviewLink[] }> {
  return sendJson("GET", `${appPath(app)}/preview-links`, { signal });
}

/** `url` is shown this once. */
export function createPreviewLink(app: string, link: NewPreviewLink): Promise<PreviewLink & { url: string }> {
  return sendJson("POST", `${appPath(app)}/preview-links`, { json: link });
}

export async function deletePreviewLink(app: string, link: string): Promise<void> {
  await send("DELETE", `${appPath(app)}/preview-links/${part(link)}`);
}

export function getEgress(app: string, signal: AbortSignal): Promise<EgressView> {
  return sendJson("GET", `${appPath(app)}/egress`, { signal });
}

export function setEgress(app: string, destinations: string[]): Promise<EgressView> {
  return sendJson("PUT", `${appPath(app)}/egress`, { json: { destinations } });
}

export async function stopSession(app: string): Promise<void> {
  await send("DELETE", `${appPath(app)}/session`);
}

export function getUsage(app: string, days: number, signal: AbortSignal): Promise<UsageDay[]> {
  return sendJson("GET", `${appPath(app)}/usage?days=${days}`, { signal });
}
