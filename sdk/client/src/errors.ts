// Every failure of a call as one type: a problem document of the server, an answer that is none, or no answer at all.
import type { Code, Problem, ProblemItem } from "./generated.js";

/** What can go wrong before an answer of Vitrine is there. */
export type LocalCode =
  /** Nothing came back: offline, refused, cut off. */
  | "no_answer"
  /** No answer within the time that the call had. */
  | "timed_out"
  /** An answer that is not Vitrine's, for example of a proxy in between. */
  | "unreadable_answer";

/** A code of the server, one of ours, or one that a later server has. */
export type ErrorCode = Code | LocalCode | (string & Record<never, never>);

/** What a call throws, unless its own signal ended it. */
export class VitrineError extends Error {
  override readonly name: string = "VitrineError";
  /** Stable; what to decide by. */
  readonly code: ErrorCode;
  /** The HTTP status; 0 without an answer. */
  readonly status: number;
  /** A few words, the same for each occurrence. */
  readonly title: string;
  /** What happened this time and what to do about it, for people. */
  readonly detail: string;
  /** The faults one by one, where there are several. */
  readonly errors: readonly ProblemItem[];
  /** What to tell the operator: the log has it. */
  readonly requestId: string | undefined;
  /** Of a `draft_conflict`: the version the draft is at now. */
  readonly latestVersion: number | undefined;
  /** When the server wants to be asked again, if it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: LooseProblem, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(problem.detail === "" ? problem.title : `${problem.title}. ${problem.detail}`, {
      cause: options.cause,
    });
    this.code = problem.code;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id ?? undefined;
    this.latestVersion = problem.latest_version ?? undefined;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** True when the same call may succeed later without anybody doing anything. */
  get isTransient(): boolean {
    const isSilent = this.code === "no_answer" || this.code === "timed_out";
    return isSilent || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** A problem whose code may be one that these types do not know. */
export type LooseProblem = Omit<Problem, "code" | "type"> & { code: ErrorCode; type?: string };

/** The error of an answer that is not a success. Never throws. */
export async function errorOf(response: Response): Promise<VitrineError> {
  const retryAfterMs = retryAfterOf(response.headers.get("retry-after"));
  const body: unknown = await response.json().catch(() => undefined);
  return new VitrineError(asProblem(body) ?? unreadable(response.status), { retryAfterMs });
}

/** The error of a problem that is part of an answer: of a session, a publish, a refused change. */
export function errorOfProblem(problem: LooseProblem): VitrineError {
  return new VitrineError(problem);
}

export function noAnswer(cause: unknown): VitrineError {
  const detail = "Check the address and the connection.";
  return new VitrineError(
    { status: 0, code: "no_answer", title: "Vitrine does not answer", detail },
    { cause },
  );
}

export function timedOut(timeoutMs: number): VitrineError {
  const title = "Vitrine took too long to answer";
  return new VitrineError({
    status: 0,
    code: "timed_out",
    title,
    detail: `Nothing came within ${timeoutMs} ms.`,
  });
}

export function unreadable(status: number): LooseProblem {
  const detail = `The answer (HTTP ${status}) is not one of Vitrine's. Is something else at this address?`;
  return { status, code: "unreadable_answer", title: "The answer cannot be read", detail };
}

/** The problem document in `body`, or undefined when it is none. */
function asProblem(body: unknown): LooseProblem | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { title, status, code, detail } = body as Partial<Record<string, unknown>>;
  if (typeof title !== "string" || typeof status !== "number" || typeof code !== "string") return undefined;
  return { ...(body as LooseProblem), detail: typeof detail === "string" ? detail : "" };
}

function retryAfterOf(header: string | null): number | undefined {
  const seconds = header === null ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
