// Sign-up, sign-in and sign-out against the app's back end.
import { loadRuntimeConfig } from "../runtime/config";
import { RuntimeError } from "../runtime/errors";
import { requestJson } from "../runtime/request";
import { readToken, writeToken } from "../runtime/session";

export const MIN_PASSWORD_LENGTH = 6;

export interface User {
  id: string;
  email: string;
  fullName: string | null;
}

export interface Credentials {
  email: string;
  password: string;
}

export function signIn(credentials: Credentials): Promise<User> {
  return openSession("auth/login", { ...credentials });
}

export function signUp(credentials: Credentials, fullName: string): Promise<User> {
  return openSession("auth/signup", { ...credentials, full_name: fullName });
}

/** Who is signed in. Null without a stored token, and when the back end no longer accepts it. */
export async function currentUser(): Promise<User | null> {
  const { appSlug } = await loadRuntimeConfig();
  if (readToken(appSlug) === null) return null;
  try {
    return parseUser(await requestJson("auth/me"));
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.kind !== "sign_in_required") throw error;
    writeToken(appSlug, null);
    return null;
  }
}

/** Signs this browser out even when the back end cannot be told. */
export async function signOut(): Promise<void> {
  const { appSlug } = await loadRuntimeConfig();
  await requestJson("auth/logout", { method: "POST" }).catch(() => undefined);
  writeToken(appSlug, null);
}

async function openSession(path: string, body: Record<string, string>): Promise<User> {
  const { appSlug } = await loadRuntimeConfig();
  const answer = asFields(await requestJson(path, { method: "POST", body }));
  if (typeof answer.token !== "string") throw unreadable();
  writeToken(appSlug, answer.token);
  return parseUser(answer.user);
}

function parseUser(value: unknown): User {
  const { id, email, full_name } = asFields(value);
  if (typeof id !== "string" || typeof email !== "string") throw unreadable();
  return { id, email, fullName: typeof full_name === "string" ? full_name : null };
}

function asFields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function unreadable(): RuntimeError {
  return new RuntimeError("server", "The back end answered in a way this app does not understand.");
}
