// When a page has to be loaded anew because its server was away: only when it has not come back by itself.
import type { SessionStatus } from "../../api/types";

/** How long a page is given to come back by itself: Vite's client asks about once a second. */
export const COMES_BACK_MS = 4_000;

/** What is known of the preview between two looks at its session. */
export interface Recovery {
  /** True once it has run: before that the gateway's own page waits and goes on by itself. */
  hasRun: boolean;
  /** True while it is away, after it has run. */
  away: boolean;
  restarts: number;
  /** When it was last seen running undisturbed. */
  goodAt: number;
  /** When it was seen to be back; undefined while nobody waits for the page. */
  backAt: number | undefined;
}

export const NOT_RUN: Recovery = { hasRun: false, away: false, restarts: 0, goodAt: 0, backAt: undefined };

/** What is known after another look. A sandbox may have died and come back between two of them: `restarts` tells. */
export function recoveryAfter(
  before: Recovery,
  session: { status: SessionStatus; restarts: number },
  nowMs: number,
): Recovery {
  const { status, restarts } = session;
  // Paused is not away: connections stay, and the page goes on where it was.
  if (status === "frozen") return before;
  if (status !== "running") return { ...before, away: before.hasRun, restarts, backAt: undefined };
  // It is waited for already; what it did since it was last seen well still counts.
  if (before.backAt !== undefined) return { ...before, restarts };
  const isBack = before.away || (before.hasRun && restarts > before.restarts);
  if (isBack) return { ...before, away: false, restarts, backAt: nowMs };
  return { ...before, hasRun: true, restarts, goodAt: nowMs };
}

/** True when the page has to be loaded: the server is back, and since it was last seen well the page gave no sign. */
export function needsLoad({ backAt, goodAt }: Recovery, lastSignAt: number, nowMs: number): boolean {
  return backAt !== undefined && lastSignAt <= goodAt && nowMs - backAt >= COMES_BACK_MS;
}
