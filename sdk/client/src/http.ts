// The one place that calls the API: addresses, credentials, time limits, repetitions, errors.
import { pauseFor } from "./backoff.js";
import { type Auth, type Credentials, credentialsOf } from "./credentials.js";
import { errorOf, noAnswer, timedOut, unreadable, VitrineError } from "./errors.js";
import type { Operations } from "./generated.js";

export interface HttpOptions {
  /** Where Vitrine is: `https://vitrine.example.com`, or a path of the page's own origin, `/vitrine`, that leads there. */
  url: string;
  /** What vouches for the caller; absent when something in between, such as your own server, adds it. */
  auth?: Auth;
  /** For one attempt, until the whole answer is there; of a stream, until it begins. 30 s. */
  timeoutMs?: number;
  /** How often a call is repeated that got no answer, or a passing refusal. 3. */
  retries?: number;
  /** Sent with each call; `Vitrine-Tenant`, for example. */
  headers?: Record<string, string>;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch;
}

/** What each call can be given besides its own arguments. */
export interface CallOptions {
  /** Ends the call; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Instead of the client's. */
  timeoutMs?: number | undefined;
  /** Instead of the client's. */
  retries?: number | undefined;
  /** Instead of one that is made for the call. Give one to make a repetition by yourself count as the same call, for a day. */
  idempotencyKey?: string | undefined;
}

export type OperationKey = keyof Operations;
export type RequestOf<K extends OperationKey> = Operations[K]["request"];
export type AnswerOf<K extends OperationKey> = Operations[K]["answer"];

/** The parts of any operation's request. */
interface Parts {
  path?: Record<string, string>;
  query?: object;
  body?: unknown;
}

interface Attempt {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: BodyInit | undefined;
  options: CallOptions;
  /** True when the body is read at leisure: the time limit ends with the head. */
  isStream: boolean;
}

const TIMEOUT_MS = 30_000;
const RETRIES = 3;
/** A server that asks for more patience than this is told to the caller. */
const MOST_RETRY_AFTER_MS = 30_000;
/** What passes by itself: held back, starting, stopping, or something in between. Not 500, which is no matter of time. */
const PASSING = [408, 425, 429, 502, 503, 504];

export class Http {
  /** Ends without a slash. */
  readonly base: string;
  readonly #options: HttpOptions;
  readonly #credentials: Credentials;

  constructor(options: HttpOptions) {
    const page = (globalThis as { location?: { href: string } }).location?.href;
    this.base = new URL(options.url, page).href.replace(/[?#].*$/, "").replace(/\/+$/, "");
    this.#options = options;
    this.#credentials = credentialsOf(options.auth, async () => {
      const me = await this.json("GET /v1/me", {});
      return me.csrf_token ?? undefined;
    });
  }

  /** Calls an operation that answers JSON, or nothing. */
  async json<K extends OperationKey>(
    operation: K,
    request: RequestOf<K>,
    options: CallOptions = {},
  ): Promise<AnswerOf<K>> {
    const read = async (response: Response): Promise<AnswerOf<K>> => {
      const text = await response.text();
      if (text === "") return undefined as AnswerOf<K>;
      try {
        return JSON.parse(text) as AnswerOf<K>;
      } catch (cause) {
        throw new VitrineError(unreadable(response.status), { cause });
      }
    };
    return this.#call(operation, request, options, read);
  }

  /** Calls an operation that answers text. */
  text(operation: OperationKey, request: Parts, options: CallOptions = {}): Promise<string> {
    return this.#call(operation, request, options, (response) => response.text());
  }

  /** Calls an operation that answers bytes. */
  bytes(
    operation: OperationKey,
    request: Parts,
    options: CallOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#call(
      operation,
      request,
      options,
      async (response) => new Uint8Array(await response.arrayBuffer()),
    );
  }

  /** Calls an operation whose answer is read as it comes; the caller reads or cancels the body. */
  stream(
    operation: OperationKey,
    request: Parts & { headers?: Record<string, string> },
    options: CallOptions = {},
  ): Promise<Response> {
    return this.#call(operation, request, options, undefined);
  }

  /** Where an operation is, as an absolute address. */
  urlOf(operation: OperationKey, request: Parts): string {
    return this.base + addressOf(operation, request);
  }

  /** What a WebSocket to the API offers besides its own protocol. */
  protocols(): Promise<string[]> {
    return this.#credentials.protocols();
  }

  async #call<T>(
    operation: OperationKey,
    request: Parts & { headers?: Record<string, string> },
    options: CallOptions,
    read: ((response: Response) => Promise<T>) | undefined,
  ): Promise<T> {
    const method = operation.slice(0, operation.indexOf(" "));
    const { body, type } = encoded(request.body);
    const headers: Record<string, string> = { ...this.#options.headers, ...request.headers };
    if (type !== undefined) headers["Content-Type"] = type;
    // One key for all attempts: what was done by one that got no answer is not done again. A stream is no answer to be kept.
    const isStream = read === undefined;
    if (method !== "GET" && !isStream)
      headers["Idempotency-Key"] = options.idempotencyKey ?? newIdempotencyKey();
    const attempt: Attempt = {
      method,
      url: this.urlOf(operation, request),
      headers,
      body,
      options: method !== "GET" && isStream ? { ...options, retries: 0 } : options,
      isStream,
    };
    return this.#persist(attempt, read ?? (async (response) => response as T));
  }

  /** Repeats the attempt while that may help. */
  async #persist<T>(attempt: Attempt, read: (response: Response) => Promise<T>): Promise<T> {
    const most = attempt.options.retries ?? this.#options.retries ?? RETRIES;
    for (let count = 0; ; count++) {
      try {
        return await this.#vouched(attempt, read);
      } catch (error) {
        if (!(error instanceof VitrineError) || count >= most || !mayPass(error, count)) throw error;
        await pause(error.retryAfterMs ?? pauseFor(count + 1), attempt.options.signal);
      }
    }
  }

  /** One attempt, and another one when other credentials may do. */
  async #vouched<T>(attempt: Attempt, read: (response: Response) => Promise<T>): Promise<T> {
    try {
      return await this.#once(attempt, read);
    } catch (error) {
      const isMutation = attempt.method !== "GET";
      if (!(error instanceof VitrineError) || !(await this.#credentials.renew(error.status, isMutation)))
        throw error;
      return this.#once(attempt, read);
    }
  }

  async #once<T>(attempt: Attempt, read: (response: Response) => Promise<T>): Promise<T> {
    const { method, url, body, options, isStream } = attempt;
    options.signal?.throwIfAborted();
    const vouching = await this.#credentials.headers(method !== "GET");
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(timedOut(timeoutMs)), timeoutMs);
    const init: RequestInit = {
      method,
      headers: { ...attempt.headers, ...vouching },
      credentials: this.#credentials.mode,
      signal: options.signal ? AbortSignal.any([options.signal, limit.signal]) : limit.signal,
    };
    if (body !== undefined) init.body = body;
    try {
      const response = await (this.#options.fetch ?? fetch)(url, init);
      if (!response.ok) throw await errorOf(response);
      if (isStream) clearTimeout(timer);
      return await read(response);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof VitrineError) throw error;
      throw limit.signal.aborted ? limit.signal.reason : noAnswer(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** 128 random bits. Not `randomUUID`, which pages that came over plain HTTP do not have. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the same call may succeed soon. What is repeated is safe to: it reads, or it carries an idempotency key. */
function mayPass(error: VitrineError, count: number): boolean {
  if ((error.retryAfterMs ?? 0) > MOST_RETRY_AFTER_MS) return false;
  // The attempt before, of which we heard nothing, is still at work.
  if (error.code === "idempotency_conflict") return count > 0;
  return error.status === 0 || PASSING.includes(error.status);
}

/** Waits; throws the signal's reason as soon as it ends the call. */
export function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const give = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", give);
      resolve();
    }, ms);
    signal?.addEventListener("abort", give, { once: true });
  });
}

function encoded(body: unknown): { body: BodyInit | undefined; type?: string } {
  if (body === undefined) return { body: undefined };
  // The browser writes the type of a form, with its boundary.
  if (body instanceof FormData) return { body };
  if (body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
    return { body: body as BodyInit, type: "application/octet-stream" };
  }
  return { body: JSON.stringify(body), type: "application/json" };
}

/** The operation's path with its values, and the query. */
function addressOf(operation: OperationKey, { path = {}, query = {} }: Parts): string {
  const template = operation.slice(operation.indexOf(" ") + 1);
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = path[name] ?? "";
    // A file's path keeps its slashes.
    const parts = name === "path" ? value.split("/") : [value];
    return parts.map(segment).join("/");
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(name, String(value));
  }
  return search.size === 0 ? filled : `${filled}?${search}`;
}

/** One part of a path. What `URL` would resolve (`..`) must not turn one call into another. */
function segment(value: string): string {
  if (value === "" || value === "." || value === "..")
    throw new TypeError(`"${value}" cannot be part of an address.`);
  return encodeURIComponent(value);
}
