// The one place that talks to the server: cookies, the CSRF header, problems as exceptions.
import { noAnswer, problemOf } from "./problem";
import type { Me } from "./types";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Request {
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let csrfToken: string | undefined;
const signedOutListeners = new Set<() => void>();

/** The token that every mutation from here on carries. */
export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** Calls `listener` whenever an answer says that nobody is signed in; returns the way to stop that. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

/** Sends a request; throws an `ApiProblem` for any answer but 2xx. */
export async function send(method: Method, path: string, request: Request = {}): Promise<Response> {
  let response = await attempt(method, path, request);
  // A sign-in in another tab gave this browser a new cookie, and with it a new token.
  if (response.status === 403 && method !== "GET" && (await renewCsrfToken())) {
    response = await attempt(method, path, request);
  }
  if (response.ok) return response;
  if (response.status === 401) for (const listener of signedOutListeners) listener();
  throw await problemOf(response);
}

async function attempt(method: Method, path: string, request: Request): Promise<Response> {
  const headers = new Headers({ Accept: "application/json", ...request.headers });
  if (method !== "GET" && csrfToken !== undefined) headers.set("X-CSRF-Token", csrfToken);
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (request.json !== undefined) {
    headers.set("Content-Type", "application/json");
    init.body = JSON.stringify(request.json);
  } else if (request.body !== undefined) {
    init.body = request.body;
  }
  if (request.signal) init.signal = request.signal;
  return fetch(path, init).catch((error: unknown) => {
    if (request.signal?.aborted) throw error;
    throw noAnswer();
  });
}

/** Asks for the current token; true when it is another one than before. */
async function renewCsrfToken(): Promise<boolean> {
  const response = await attempt("GET", "/v1/me", {});
  if (!response.ok) return false;
  const before = csrfToken;
  csrfToken = ((await response.json()) as Me).csrf_token;
  return csrfToken !== before;
}

/** Sends a request and reads its JSON answer as `T`; the server's contract is trusted. */
export async function sendJson<T>(method: Method, path: string, request: Request = {}): Promise<T> {
  const response = await send(method, path, request);
  return response.json().catch(() => {
    throw noAnswer();
  }) as Promise<T>;
}

/** Sends a form with much in it; `onSent` is told how many bytes have left, as they leave. Throws as `send` does. */
export async function upload<T>(
  path: string,
  form: FormData,
  onSent: (sent: number, total: number) => void,
  signal: AbortSignal,
): Promise<T> {
  let response = await attemptUpload(path, form, onSent, signal);
  if (response.status === 403 && (await renewCsrfToken())) {
    response = await attemptUpload(path, form, onSent, signal);
  }
  if (response.status === 401) for (const listener of signedOutListeners) listener();
  if (!response.ok) throw await problemOf(response);
  return response.json().catch(() => {
    throw noAnswer();
  }) as Promise<T>;
}

/** `fetch` does not tell how much of a body was sent. */
function attemptUpload(
  path: string,
  form: FormData,
  onSent: (sent: number, total: number) => void,
  signal: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Accept", "application/json");
    if (csrfToken !== undefined) request.setRequestHeader("X-CSRF-Token", csrfToken);
    request.upload.onprogress = ({ loaded, total }) => onSent(loaded, total);
    request.onload = () => resolve(new Response(request.responseText, { status: request.status }));
    request.onerror = () => reject(noAnswer());
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
