// For your own server, which lets its people use Vitrine: tokens for them, and a way to the API that adds them.

export interface TokenClaims {
  /** `jwt.issuer` of the server's configuration, word for word. */
  issuer: string;
  /** One of `jwt.audience`. */
  audience: string;
  /** Your id of the person. */
  subject: string;
  /** Your id of their tenant (`host_id`); absent where all are in the default one. */
  tenant?: string;
  /** What to call them. */
  name?: string;
  /** `viewer`, `editor`, `admin` or `owner`, where `jwt.role_claim` names `role`. */
  role?: string;
  /** How long it opens anything. Five minutes: a page gets another one when it needs it. */
  lifetimeSecs?: number;
}

const LIFETIME_SECS = 300;

/**
 * A token of your product for one person, signed with `jwt.secret` (`jwt.algorithms = "HS256"`). The names of the claims are the
 * defaults of `[jwt]`. Only ever on a server: whoever knows the secret is everybody.
 */
export async function mintToken(secret: string, claims: TokenClaims): Promise<string> {
  const { issuer, audience, subject, tenant, name, role, lifetimeSecs = LIFETIME_SECS } = claims;
  const exp = Math.floor(Date.now() / 1000) + lifetimeSecs;
  const payload = { iss: issuer, aud: audience, sub: subject, exp, tenant, name, role };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(payload)}`;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", utf8(secret), algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, utf8(signed));
  return `${signed}.${base64Url(new Uint8Array(signature))}`;
}

export interface GateOptions {
  /** Where Vitrine is. */
  url: string;
  /** Where your server has the gate, for example `/vitrine`. */
  path: string;
  /** What vouches for whoever sent the request: look at *your* session. `undefined` refuses with 401. */
  token: (request: Request) => string | undefined | Promise<string | undefined>;
  /** Which calls pass; absent: all that the token's role may. `path` begins with `/v1/`. */
  allow?: (method: string, path: string) => boolean;
}

/** Headers of a request that mean something to the API. Cookies and credentials of your product stay with it. */
const PASSED = [
  "accept",
  "content-type",
  "idempotency-key",
  "if-none-match",
  "last-event-id",
  "vitrine-tenant",
  "x-vitrine-client",
];
/** Headers of an answer that are about the connection to Vitrine, or that `fetch` has undone. */
const DROPPED = [
  "connection",
  "content-encoding",
  "content-length",
  "keep-alive",
  "set-cookie",
  "transfer-encoding",
];

/**
 * A handler that passes `{path}/v1/…` on to Vitrine with the person's token, so that nothing that opens the API reaches a
 * browser: a page's client is `new Vitrine({ url: "/vitrine" })`. Streams stay streams. Pages of other origins are refused.
 *
 * For frameworks whose handlers take a `Request` and answer a `Response`. `@vitrine/client/node` has the same for `node:http`,
 * and the channel, which is no request.
 */
export function createGate(options: GateOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const admitted = await admit(request, options);
    if (admitted instanceof Response) return admitted;
    return passOn(admitted.address, request, admitted.credential);
  };
}

/** Where a request goes, and with what; or why it goes nowhere. */
export async function admit(
  request: Request,
  { url, path, token, allow = () => true }: GateOptions,
): Promise<{ address: string; credential: string } | Response> {
  const { pathname, search } = new URL(request.url);
  const inner = pathname.startsWith(`${path}/`) ? pathname.slice(path.length) : undefined;
  if (!inner?.startsWith("/v1/")) return refusal(404, "not_found", "There is no such call.");
  if (isForeign(request)) return refusal(403, "forbidden", "Pages of another origin cannot use this.");
  if (!allow(request.method, inner))
    return refusal(403, "forbidden", "This product does not offer that call.");
  const credential = await token(request);
  if (credential === undefined) return refusal(401, "unauthenticated", "Sign in first.");
  return { address: url.replace(/\/+$/, "") + inner + search, credential };
}

async function passOn(address: string, request: Request, credential: string): Promise<Response> {
  const headers = new Headers({ authorization: `Bearer ${credential}` });
  for (const name of PASSED) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const { method, body, signal } = request;
  // `duplex` is asked for by the standard where a body is a stream, and missing in the types.
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal, redirect: "manual" };
  if (body) Object.assign(init, { body, duplex: "half" });
  const answer = await fetch(address, init).catch(() => undefined);
  if (!answer) return refusal(502, "bad_gateway", "Vitrine does not answer.");
  const passed = new Headers(answer.headers);
  for (const name of DROPPED) passed.delete(name);
  return new Response(answer.body, { status: answer.status, headers: passed });
}

/** Whether a browser says that the request comes from a page of another origin. Programs say nothing. */
function isForeign(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = request.headers.get("origin");
  return origin !== null && new URL(request.url).host !== hostOf(origin);
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

export function refusal(status: number, code: string, detail: string): Response {
  const problem = { type: "about:blank", title: "The call was not passed on", status, code, detail };
  return new Response(JSON.stringify(problem), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

function encoded(value: object): string {
  return base64Url(utf8(JSON.stringify(value)));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64Url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
