// The static build of the draft for the maker's own eyes: nothing of it is seen by strangers.
import { useCallback, useEffect, useRef } from "react";
import type { Publish } from "../../api/types";
import type { DraftSync } from "../draft/draft-sync";
import { newestOf } from "./publish-feed";
import { isOver } from "./publish-view";
import { usePublishFeed } from "./use-publish-feed";
import { useStart } from "./use-start";

export interface PreviewBuild {
  /** The last one that was asked for. */
  latest: Publish | undefined;
  /** The last one that succeeded, by an address with a token; a later failure leaves it. */
  url: string | undefined;
  going: boolean;
  /** Why none was started. */
  fault: Error | null;
  /** Builds the draft, and opens the result in a tab unless told not to. */
  start: (wish?: { opens: boolean }) => void;
}

/** `publishes` of every target, newest first. */
export function usePreviewBuild(app: string, draft: DraftSync, publishes: Publish[]): PreviewBuild {
  const builds = publishes.filter(({ target }) => target === "preview");
  const [listed] = builds;
  const feed = usePublishFeed(app, listed?.id, listed !== undefined && !isOver(listed));
  const latest = newestOf(feed, listed);
  const url =
    latest?.status === "succeeded"
      ? latest.permalink_url
      : builds.find(({ status, permalink_url }) => status === "succeeded" && permalink_url)?.permalink_url;
  const { start } = useStart(app, draft, PREVIEW, () => undefined);
  const opens = useRef(true);
  const mine = start.data?.id;
  useOpening(opens.current && latest?.id === mine ? latest : undefined);
  const { isPending, mutate } = start;
  const begin = useCallback(
    (wish = { opens: true }) => {
      if (isPending) return;
      opens.current = wish.opens;
      mutate();
    },
    [isPending, mutate],
  );
  return {
    latest,
    url,
    going: start.isPending || (latest !== undefined && !isOver(latest)),
    fault: start.error,
    start: begin,
  };
}

const PREVIEW = { target: "preview", mode: "development" } as const;

/** Opens the build that this page asked for, once. A browser may refuse it when it took long; its link stays. */
function useOpening(build: Publish | undefined): void {
  const opened = useRef<string>(undefined);
  useEffect(() => {
    if (build?.status !== "succeeded" || build.permalink_url === undefined) return;
    if (opened.current === build.id) return;
    opened.current = build.id;
    window.open(build.permalink_url, "_blank", "noopener,noreferrer");
  }, [build]);
}
