// A piece of page state in the URL's query, replaced in place: it survives a reload and can be sent to somebody.
import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** The value of `key`, empty when absent, and a setter; setting the empty text takes it out of the URL. */
export function useUrlState(key: string): [string, (value: string) => void] {
  const [search, setSearch] = useSearchParams();
  const set = useCallback(
    (value: string) => {
      setSearch(
        (current) => {
          const next = new URLSearchParams(current);
          if (value === "") next.delete(key);
          else next.set(key, value);
          return next;
        },
        { replace: true },
      );
    },
    [key, setSearch],
  );
  return [search.get(key) ?? "", set];
}
