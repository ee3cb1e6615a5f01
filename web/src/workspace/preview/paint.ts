// How long a page took from being asked for to being there: a rule over what is seen from outside of its frame.

/** A tab that slept, or a clock that was set, measures nothing. */
const BELIEVABLE_MS = 120_000;

export interface PaintWatch {
  /** When the page was asked for while its server was up; undefined while nothing is measured. */
  askedAt: number | undefined;
  /** When the frame had loaded since then. */
  loadedAt: number | undefined;
  /** Whether the app's page, and not the gateway's, has spoken since then. */
  isTheApps: boolean;
}

export const NOT_ASKED: PaintWatch = { askedAt: undefined, loadedAt: undefined, isTheApps: false };

export type PaintSign =
  /** The page was asked for. A start is waited for by the gateway's page: its time says nothing of the app's. */
  | { type: "asked"; at: number; isUp: boolean }
  | { type: "loaded"; at: number }
  | { type: "ready" }
  /** Nothing speaks in this frame: what has loaded is taken for the app. */
  | { type: "silent" };

/** What is known after a sign, and the time once there is one. */
export function paintAfter(before: PaintWatch, sign: PaintSign): { watch: PaintWatch; ms?: number } {
  if (sign.type === "asked") {
    return { watch: { ...NOT_ASKED, askedAt: sign.isUp ? sign.at : undefined } };
  }
  if (before.askedAt === undefined) return { watch: before };
  const watch: PaintWatch = {
    ...before,
    ...(sign.type === "loaded" ? { loadedAt: sign.at } : { isTheApps: true }),
  };
  if (watch.loadedAt === undefined || !watch.isTheApps) return { watch };
  const ms = watch.loadedAt - before.askedAt;
  return ms < 0 || ms > BELIEVABLE_MS ? { watch: NOT_ASKED } : { watch: NOT_ASKED, ms };
}
