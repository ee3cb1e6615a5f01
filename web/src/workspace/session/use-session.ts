// The app's session: asked for on opening, watched, kept alive while somebody looks. Leaving the page never ends it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { ensureSession, getSession, heartbeatSession, restartSession } from "../../api/calls";
import type { SessionStatus, SessionView } from "../../api/types";
import { heartbeatIntervalMs, pollIntervalMs } from "./polling";

export interface SessionHandle {
  session: SessionView | undefined;
  /** Why it could not be asked for. */
  error: Error | null;
  /** True while the answer to an ensure or a restart is on its way. */
  asking: boolean;
  /** Starts it unless it runs; false when it could not be asked for, and `error` says why. */
  ensure: () => Promise<boolean>;
  restart: () => Promise<unknown>;
  /** Asks now; the answer has a fresh preview token. */
  fresh: () => Promise<SessionView>;
}

export function useSession(app: string): SessionHandle {
  const queryClient = useQueryClient();
  const queryKey = ["session", app];
  const since = useRef<{ status: SessionStatus | undefined; at: number }>({ status: undefined, at: 0 });

  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => getSession(app, signal),
    // The first answer is that of the ensure.
    enabled: (current) => current.state.data !== undefined,
    refetchInterval: (current) => {
      const status = current.state.data?.status;
      if (since.current.status !== status) since.current = { status, at: Date.now() };
      return pollIntervalMs(status, Date.now() - since.current.at);
    },
    retry: false,
    staleTime: 0,
    // An old token must not outlive the page that asked for it.
    gcTime: 0,
  });

  const refresh = useCallback(async () => {
    const session = await getSession(app);
    queryClient.setQueryData(["session", app], session);
    return session;
  }, [app, queryClient]);
  const ensure = useMutation({
    mutationFn: () => ensureSession(app),
    onSuccess: (session) => queryClient.setQueryData(queryKey, session),
  });
  const restart = useMutation({ mutationFn: () => restartSession(app).then(refresh) });

  const { mutateAsync: ensureAsync, reset: forgetEnsure } = ensure;
  useEffect(() => {
    ensureAsync().catch(() => undefined);
  }, [ensureAsync]);
  useHeartbeat(app, query.data);

  return {
    session: query.data,
    error: ensure.error ?? restart.error,
    asking: ensure.isPending || restart.isPending,
    // A new attempt makes an old fault of the other kind history.
    ensure: () => {
      restart.reset();
      return ensureAsync().then(
        () => true,
        () => false,
      );
    },
    restart: () => {
      forgetEnsure();
      return restart.mutateAsync().catch(() => undefined);
    },
    fresh: refresh,
  };
}

/** Says that somebody looks, for as long as that is so. */
function useHeartbeat(app: string, session: SessionView | undefined): void {
  const alive = session !== undefined && ["starting", "running", "frozen"].includes(session.status);
  const idleTimeoutSecs = session?.idle_timeout_secs;
  useEffect(() => {
    if (!alive || idleTimeoutSecs === undefined) return;
    const beat = () => {
      // One that gets lost is made up for by the next.
      if (document.visibilityState === "visible") heartbeatSession(app).catch(() => undefined);
    };
    const timer = setInterval(beat, heartbeatIntervalMs(idleTimeoutSecs));
    document.addEventListener("visibilitychange", beat);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [app, alive, idleTimeoutSecs]);
}
