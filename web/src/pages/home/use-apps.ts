// The apps there are, newest first, page by page.
import { useInfiniteQuery } from "@tanstack/react-query";
import { listApps } from "../../api/calls";

/** Somebody else may publish, and previews fall asleep. */
const POLL_MS = 30_000;

export function useApps() {
  return useInfiniteQuery({
    queryKey: ["apps"],
    queryFn: ({ pageParam, signal }) => listApps(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: POLL_MS,
  });
}
