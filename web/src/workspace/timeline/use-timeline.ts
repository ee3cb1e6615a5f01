// The app's checkpoints, newest first; read anew when the draft has moved on, because somebody else may have made one.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { type Checkpoint, listRevisions } from "../../api/revision-calls";

/** Somebody else may make one without touching the draft. */
const POLL_MS = 30_000;

export interface TimelineHandle {
  checkpoints: readonly Checkpoint[];
  isKnown: boolean;
  error: Error | null;
  again: () => void;
  /** Undefined when there are no older ones. */
  more: (() => void) | undefined;
}

export function useTimeline(app: string, version: number | undefined): TimelineHandle {
  const list = useInfiniteQuery({
    queryKey: ["revisions", app, "list"],
    queryFn: ({ pageParam, signal }) => listRevisions(app, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: POLL_MS,
  });
  const { refetch } = list;
  const seen = useRef(version);
  useEffect(() => {
    if (seen.current === version) return;
    seen.current = version;
    // Typing moves the draft, too; what it does not do is make checkpoints, so an answer on its way is good enough.
    void refetch({ cancelRefetch: false });
  }, [version, refetch]);
  const checkpoints = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  return {
    checkpoints,
    isKnown: list.isSuccess,
    error: list.error,
    again: () => void refetch(),
    more: list.hasNextPage && !list.isFetchingNextPage ? () => void list.fetchNextPage() : undefined,
  };
}
