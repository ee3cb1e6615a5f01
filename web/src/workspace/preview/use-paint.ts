// How long the page took to be there, measured in this browser.
import { useCallback, useEffect, useRef, useState } from "react";
import { NOT_ASKED, type PaintSign, paintAfter } from "./paint";

/** A page with a bridge speaks within this time of its load. */
const SPEAKS_WITHIN_MS = 1_000;

export interface Paint {
  /** Undefined until it was measured. */
  ms: number | undefined;
  asked: (isUp: boolean) => void;
  loaded: () => void;
  ready: () => void;
}

export function usePaint(): Paint {
  const [ms, setMs] = useState<number>();
  const watch = useRef(NOT_ASKED);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const see = useCallback((sign: PaintSign) => {
    const after = paintAfter(watch.current, sign);
    watch.current = after.watch;
    if (after.ms !== undefined) setMs(after.ms);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    ms,
    asked: useCallback((isUp) => see({ type: "asked", at: Date.now(), isUp }), [see]),
    ready: useCallback(() => see({ type: "ready" }), [see]),
    loaded: useCallback(() => {
      see({ type: "loaded", at: Date.now() });
      clearTimeout(timer.current);
      timer.current = setTimeout(() => see({ type: "silent" }), SPEAKS_WITHIN_MS);
    }, [see]),
  };
}
