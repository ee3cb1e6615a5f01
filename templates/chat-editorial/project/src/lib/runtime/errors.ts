// The one error type the runtime throws, and how an HTTP answer becomes one.

export type RuntimeErrorKind =
  | "backend_not_configured"
  | "sign_in_required"
  | "rejected"
  | "server"
  | "network"
  | "interrupted";

export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly kind: RuntimeErrorKind;

  /** `message` is a sentence for the person using the app. */
  constructor(kind: RuntimeErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

const NO_BACKEND_STATUSES = new Set([404, 501, 502, 503]);

export function backendNotConfigured(): RuntimeError {
  return new RuntimeError("backend_not_configured", "No back end is connected to this app yet.");
}

/** Any thrown value as a RuntimeError; what `fetch` throws means the network failed. */
export function toRuntimeError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  return new RuntimeError("network", "The back end could not be reached. Check your connection and try again.");
}

/**
 * Returns for an answer of the expected type and throws a RuntimeError for every other. An HTML page where data was
 * asked for comes from a static host or a development server: nothing is connected there.
 */
export async function requireAnswer(response: Response, expectedType: string): Promise<void> {
  const contentType = response.headers.get("content-type") ?? "";
  if (response.ok && contentType.includes(expectedType)) return;
  if (contentType.includes("text/html")) throw backendNotConfigured();
  const problem = contentType.includes("json") ? await readProblem(response) : null;
  if (problem?.code === "backend_not_configured" || NO_BACKEND_STATUSES.has(response.status)) {
    throw backendNotConfigured();
  }
  throw fromStatus(response.status, problem?.detail ?? null);
}

function fromStatus(status: number, detail: string | null): RuntimeError {
  if (status === 401 || status === 403) {
    return new RuntimeError("sign_in_required", detail ?? "You need to sign in to do this.");
  }
  if (status === 429) {
    return new RuntimeError("rejected", detail ?? "That was a little fast. Wait a moment, then try again.");
  }
  if (status >= 400 && status < 500) {
    return new RuntimeError("rejected", detail ?? `The back end did not accept this (status ${status}).`);
  }
  return new RuntimeError("server", detail ?? `The back end had a problem (status ${status}). Try again in a moment.`);
}

interface Problem {
  code: string | null;
  detail: string | null;
}

/** Reads `application/problem+json`, and the `{detail}` envelope of older back ends. */
async function readProblem(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== "object" || body === null) return { code: null, detail: null };
  const { code, detail } = body as Record<string, unknown>;
  return {
    code: typeof code === "string" ? code : null,
    detail: typeof detail === "string" ? detail : null,
  };
}
