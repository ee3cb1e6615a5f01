// Asks the server where something stands in the draft, once typing pauses; what was just typed in files is saved first.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type SearchResult, type SearchWish, searchApp } from "../../api/search-calls";
import type { DraftSync } from "../draft/draft-sync";

/** Long enough to type a word, short enough not to be waited for. */
const PAUSE_MS = 200;

export interface SearchState {
  result: SearchResult | undefined;
  pending: boolean;
  error: Error | null;
  /** Asks again. */
  again: () => void;
}

/** `version` is the draft's: another one is searched anew; undefined: nothing is asked. */
export function useSearch(
  app: string,
  draft: DraftSync,
  wish: SearchWish,
  version: number | undefined,
): SearchState {
  const settled = usePaused(wish);
  const { query, regex, caseSensitive } = settled;
  const search = useQuery({
    queryKey: ["search", app, query, regex, caseSensitive, version],
    queryFn: async ({ signal }) => {
      await draft.saved();
      return searchApp(app, settled, signal);
    },
    enabled: query !== "" && version !== undefined,
    // While a newer draft is searched, the places that were found stay on the screen.
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 30_000,
  });
  const isEmpty = wish.query === "";
  return {
    result: isEmpty || query === "" ? undefined : search.data,
    pending: !isEmpty && (search.isFetching || settled.query !== wish.query),
    error: isEmpty ? null : search.error,
    again: () => void search.refetch(),
  };
}

function usePaused(wish: SearchWish): SearchWish {
  const [settled, setSettled] = useState(wish);
  const { query, regex, caseSensitive } = wish;
  useEffect(() => {
    const timer = setTimeout(() => setSettled({ query, regex, caseSensitive }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [query, regex, caseSensitive]);
  return settled;
}
