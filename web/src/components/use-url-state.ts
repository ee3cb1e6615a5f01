// A piece of page state in the URL's query, replaced in place: it survives a reload and can be sent to somebody.
import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** The value of `key`, empty when absent, and a setter; setting the empty text takes it out of the URL. */
export function useUrlState(key: string): [string, (value: string) => void] {
  const [search, setSearch] = useSearchParams();
  const set = useCallback(
    (value: string) => {
      // Not what the hook knows: another key may have been set since the page was drawn.
      const next = new URLSearchParams(location.search);
      if (value === "") next.delete(key);
      else next.set(key, value);
      setSearch(next, { replace: true });
    },
    [key, setSearch],
  );
  return [search.get(key) ?? "", set];
}
