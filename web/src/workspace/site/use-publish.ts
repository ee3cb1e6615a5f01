// Publishing the draft: saves first, starts, follows, cancels. Everybody who looks at the app sees the same publish.
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { cancelPublish, listPublishes } from "../../api/calls";
import { asProblem } from "../../api/problem";
import type { Page, Publish } from "../../api/types";
import type { DraftSync } from "../draft/draft-sync";
import { type Feed, newestOf } from "./publish-feed";
import { isOver } from "./publish-view";
import { type PreviewBuild, usePreviewBuild } from "./use-preview-build";
import { usePublishFeed } from "./use-publish-feed";
import { useStart } from "./use-start";

/** Where a state change of the stream may be missed, the list makes up for it. */
const ACTIVE_POLL_MS = 3_000;
/** Somebody else may publish. */
const IDLE_POLL_MS = 30_000;

export type PublishList = UseInfiniteQueryResult<InfiniteData<Page<Publish>>>;

export interface PublishHandle {
  list: PublishList;
  /** The one that is looked at: the chosen one, or the latest. */
  shown: Publish | undefined;
  /** The one that waits or runs. */
  active: Publish | undefined;
  feed: Feed;
  /** What happens before the server has a publish. */
  phase: "idle" | "saving" | "asking";
  /** Why none was started: `Unsaved` or a problem. */
  fault: Error | null;
  start: () => void;
  cancel: { run: () => void; pending: boolean; error: Error | null };
  /** Looks at one; undefined: at the latest. */
  show: (publish: string | undefined) => void;
  isLatest: boolean;
  preview: PreviewBuild;
}

export function usePublish(app: string, draft: DraftSync, wantsLog: boolean): PublishHandle {
  const list = usePublishList(app);
  const [chosen, setChosen] = useState<string>();
  const all = list.data?.pages.flatMap((page) => page.items) ?? [];
  const mine = all.filter(({ target }) => target === "hosting");
  const listed = mine.find(({ id }) => id === chosen) ?? mine[0];
  const active = mine.find((publish) => !isOver(publish));
  const listening = listed !== undefined && (wantsLog || !isOver(listed));
  const feed = usePublishFeed(app, listed?.id, listening);
  const shown = newestOf(feed, listed);
  useNewsOfEnd(app, shown);

  const { start, phase } = useStart(app, draft, { target: "hosting", mode: "production" }, () =>
    setChosen(undefined),
  );
  const preview = usePreviewBuild(app, draft, all);
  const cancel = useMutation({
    mutationFn: async () => {
      if (!shown) return;
      // It may have ended a moment ago: then there is nothing left to cancel.
      await cancelPublish(app, shown.id).catch((error: unknown) => {
        if (asProblem(error).code !== "publish_over") throw error;
      });
      await list.refetch();
    },
  });
  return {
    list,
    shown,
    active: active && shown?.id === active.id && isOver(shown) ? undefined : active,
    feed,
    phase: start.isPending ? phase : "idle",
    fault: start.error,
    start: () => {
      cancel.reset();
      if (!start.isPending) start.mutate();
    },
    cancel: { run: () => cancel.mutate(), pending: cancel.isPending, error: cancel.error },
    show: (publish) => {
      cancel.reset();
      start.reset();
      setChosen(publish);
    },
    isLatest: listed === undefined || listed.id === mine[0]?.id,
    preview,
  };
}

function usePublishList(app: string): PublishList {
  return useInfiniteQuery({
    queryKey: ["publishes", app],
    queryFn: ({ pageParam, signal }) => listPublishes(app, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: ({ state }) => {
      const going = state.data?.pages.some((page) => page.items.some((publish) => !isOver(publish)));
      return going ? ACTIVE_POLL_MS : IDLE_POLL_MS;
    },
  });
}

/** When the publish that was watched ends, what strangers see may be another. */
function useNewsOfEnd(app: string, publish: Publish | undefined): void {
  const queryClient = useQueryClient();
  const watched = useRef<string>(undefined);
  const id = publish?.id;
  const over = publish !== undefined && isOver(publish);
  useEffect(() => {
    if (id === undefined) return;
    if (!over) {
      watched.current = id;
    } else if (watched.current === id) {
      watched.current = undefined;
      for (const kind of ["app", "publishes", "releases"]) {
        void queryClient.invalidateQueries({ queryKey: [kind, app] });
      }
    }
  }, [app, id, over, queryClient]);
}
