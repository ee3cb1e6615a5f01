// Every failure of a call as one typed error: a problem document, a broken answer, or no answer at all.
import i18next from "i18next";
import type { Problem, ProblemItem } from "./types";

/** No answer arrived: offline, refused, cut off. Not a code of the server. */
export const NO_ANSWER = "no_answer";
/** An answer arrived that is not ours, for example from a proxy in between. */
export const UNREADABLE = "unreadable_answer";

export class ApiProblem extends Error {
  readonly status: number;
  /** The server's stable code, or one of the two above. */
  readonly code: string;
  /** As the server wrote it; `title` is what a person reads. */
  readonly #title: string;
  readonly detail: string;
  readonly errors: readonly ProblemItem[];
  readonly requestId: string | undefined;
  readonly latestVersion: number | undefined;

  constructor(problem: Problem) {
    super(`${problem.title}. ${problem.detail}`);
    this.name = "ApiProblem";
    this.status = problem.status;
    this.code = problem.code;
    this.#title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id;
    this.latestVersion = problem.latest_version;
  }

  get title(): string {
    return titleOf({ code: this.code, title: this.#title });
  }

  /** True when the same request may succeed later without anybody doing anything. */
  get isTransient(): boolean {
    return this.code === NO_ANSWER || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** The title in the person's language; the server's own, in English, of a code that this page does not know. */
export function titleOf({ code, title }: { code?: string; title: string }): string {
  const key = `titles:${code}`;
  return code !== undefined && i18next.exists(key) ? i18next.t(key as never) : title;
}

export function noAnswer(): ApiProblem {
  return new ApiProblem({
    type: "about:blank",
    status: 0,
    code: NO_ANSWER,
    title: i18next.t("problem:noAnswerTitle"),
    detail: i18next.t("problem:noAnswerDetail"),
  });
}

/** Reads a failed answer; never throws. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => null);
  return new ApiProblem(parseProblem(body) ?? unreadable(response.status));
}

/** The problem document in `body`, or null when it is not one. */
export function parseProblem(body: unknown): Problem | null {
  if (!isRecord(body)) return null;
  const { title, status, code, detail } = body;
  if (typeof title !== "string" || typeof status !== "number" || typeof code !== "string") return null;
  return {
    type: typeof body.type === "string" ? body.type : "about:blank",
    title,
    status,
    code,
    detail: typeof detail === "string" ? detail : "",
    errors: Array.isArray(body.errors) ? body.errors.filter(isProblemItem) : [],
    ...(typeof body.request_id === "string" && { request_id: body.request_id }),
    ...(typeof body.latest_version === "number" && { latest_version: body.latest_version }),
  };
}

/** Any thrown value as a problem, for showing it. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem({
    type: "about:blank",
    status: 0,
    code: "page_error",
    title: i18next.t("problem:pageTitle"),
    detail: error instanceof Error ? error.message : String(error),
  });
}

function unreadable(status: number): Problem {
  return {
    type: "about:blank",
    status,
    code: UNREADABLE,
    title: i18next.t("problem:unreadableTitle"),
    detail: i18next.t("problem:unreadableDetail", { status }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isProblemItem(value: unknown): value is ProblemItem {
  return isRecord(value) && typeof value.code === "string" && typeof value.message === "string";
}
