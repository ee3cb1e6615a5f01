// Brings the page back after its server was away, when it does not do that itself.
import { useEffect, useRef } from "react";
import type { SessionView } from "../../api/types";
import { COMES_BACK_MS, NOT_RUN, needsLoad, type Recovery, recoveryAfter } from "./recovery";

/** Answers what to call whenever the page gives a sign of life: a load, or a word over the bridge. */
export function useRecovery(session: SessionView | undefined, reload: () => void): () => void {
  const known = useRef<{ session: string; recovery: Recovery }>({ session: "", recovery: NOT_RUN });
  const signAt = useRef(0);
  const latestReload = useRef(reload);
  latestReload.current = reload;

  // Every answer is another object: each one is a look.
  useEffect(() => {
    if (!session) return;
    const before = known.current.session === session.id ? known.current.recovery : NOT_RUN;
    const recovery = recoveryAfter(before, session, Date.now());
    known.current = { session: session.id, recovery };
    if (recovery.backAt === undefined) return;
    const left = recovery.backAt + COMES_BACK_MS - Date.now();
    const timer = setTimeout(
      () => {
        const { recovery: now } = known.current;
        if (needsLoad(now, signAt.current, Date.now())) latestReload.current();
        known.current = { ...known.current, recovery: { ...now, backAt: undefined, goodAt: Date.now() } };
      },
      Math.max(0, left),
    );
    return () => clearTimeout(timer);
  }, [session]);

  return useRef(() => {
    signAt.current = Date.now();
  }).current;
}
