// What would break the app, asked of the server a moment after the draft was saved, for as long as somebody looks.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { validateApp } from "../../api/calls";
import type { Validation } from "../../api/types";
import { type Problem, problemsByPath } from "./diagnostics";

/** Whoever types is not told off in the middle of a word. */
const PAUSE_MS = 1_200;

export interface Problems {
  byPath: ReadonlyMap<string, readonly Problem[]>;
  faults: number;
  warnings: number;
  /** False until the server has answered once. */
  isKnown: boolean;
  /** The server's answer as it came. */
  validation: Validation | undefined;
}

/** `version` is that of the draft on the server; undefined until it is known. */
export function useProblems(app: string, version: number | undefined): Problems {
  const settled = useSettled(version);
  const { data } = useQuery({
    queryKey: ["validate", app, settled],
    queryFn: () => validateApp(app),
    enabled: settled !== undefined,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    // A look that fails says nothing; the next version is looked at again.
    retry: false,
  });
  return useMemo(() => {
    const { faults = [], warnings = [] } = data ?? {};
    return {
      byPath: problemsByPath(faults, warnings),
      faults: faults.length,
      warnings: warnings.length,
      isKnown: data !== undefined,
      validation: data,
    };
  }, [data]);
}

function useSettled(version: number | undefined): number | undefined {
  const [settled, setSettled] = useState<number>();
  useEffect(() => {
    if (version === undefined) return;
    const timer = setTimeout(() => setSettled(version), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [version]);
  return settled;
}
