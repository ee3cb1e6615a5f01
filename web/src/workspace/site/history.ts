// Releases, and the publishes that led to none, as one list in the order of time.
import type { Page, Publish, Release } from "../../api/types";

export type HistoryItem =
  | { kind: "release"; at: string; release: Release }
  | { kind: "publish"; at: string; publish: Publish };

/** Newest first. A list that has more pages hides what is older than its last item, or there would be gaps. */
export function historyOf(
  releases: readonly Page<Release>[],
  publishes: readonly Page<Publish>[],
): HistoryItem[] {
  const horizon = Math.max(horizonOf(releases), horizonOf(publishes));
  const items: HistoryItem[] = [
    ...releases.flatMap((page) =>
      page.items.map((release): HistoryItem => ({ kind: "release", at: release.created_at, release })),
    ),
    ...publishes.flatMap((page) =>
      page.items
        .filter((publish) => publish.target === "hosting" && publish.release === undefined)
        .map((publish): HistoryItem => ({ kind: "publish", at: publish.created_at, publish })),
    ),
  ];
  return items
    .filter(({ at }) => Date.parse(at) >= horizon)
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

function horizonOf(pages: readonly Page<{ created_at: string }>[]): number {
  const last = pages.at(-1);
  const oldest = last?.items.at(-1);
  return last?.next_cursor === undefined || !oldest
    ? Number.NEGATIVE_INFINITY
    : Date.parse(oldest.created_at);
}

/** Enough of an id to tell it from its neighbours: `art_01H8…` without what all have in common. */
export function shortId(id: string): string {
  return id.slice(id.indexOf("_") + 1).slice(0, 7);
}
