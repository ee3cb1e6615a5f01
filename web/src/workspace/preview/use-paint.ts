// How long the page took to be there, measured in this browser.
import { useCallback, useRef, useState } from "react";

/** A clock that was set, or a tab that slept, measures nothing. */
const BELIEVABLE_MS = 120_000;

export interface Paint {
  /** From the first line of the document to everything on the page loaded. */
  ms: number | undefined;
  /** A document has begun to run. */
  began: (at: number) => void;
  /** The frame has loaded what it loads. */
  loaded: () => void;
}

export function usePaint(): Paint {
  const [ms, setMs] = useState<number>();
  const beganAt = useRef<number>(undefined);
  const loadedAt = useRef<number>(undefined);
  const measure = useCallback(() => {
    const from = beganAt.current;
    const to = loadedAt.current;
    if (from === undefined || to === undefined || to < from || to - from > BELIEVABLE_MS) return;
    beganAt.current = undefined;
    setMs(to - from);
  }, []);
  return {
    ms,
    began: useCallback(
      (at: number) => {
        beganAt.current = at;
        // A late word of a document that is loaded already.
        measure();
      },
      [measure],
    ),
    loaded: useCallback(() => {
      loadedAt.current = Date.now();
      measure();
    }, [measure]),
  };
}
