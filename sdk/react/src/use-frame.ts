// What a preview's frame shows: opened once for a session, and again when asked to, each time with a key of its own.
import type { SessionView } from "@vitrine/client";
import { useCallback, useEffect, useState } from "react";
import { previewUrlAt } from "./devices.js";
import { asError, isOver } from "./faults.js";
import type { UseSession } from "./hooks.js";

export interface Frame {
  src: string;
  origin: string;
  /** Another value makes another frame. */
  key: number;
}

export interface UseFrame {
  frame: Frame | undefined;
  error: ReturnType<typeof asError> | undefined;
  reload: () => Promise<void>;
  openTab: () => Promise<void>;
}

export function useFrame({ session, fresh }: UseSession, route: string): UseFrame {
  const [frame, setFrame] = useState<Frame>();
  const [error, setError] = useState<UseFrame["error"]>();
  const show = useCallback((opened: SessionView, at: string) => {
    const src = previewUrlAt(opened.preview_url, at);
    setFrame((before) => ({ src, origin: new URL(src).origin, key: (before?.key ?? 0) + 1 }));
  }, []);

  const load = useCallback(
    async (at: string, isWanted: () => boolean = () => true) => {
      setError(undefined);
      try {
        const opened = await fresh();
        if (isWanted()) show(opened, at);
      } catch (fault) {
        if (isWanted()) setError(asError(fault));
      }
    },
    [fresh, show],
  );

  // A session that sleeps or fails may be framed as well: its page says so, and wakes or mends it.
  const isThere = session !== undefined && session.status !== "starting" && !isOver(session.status);
  const due = isThere ? `${session.id} ${route}` : undefined;
  const [shown, setShown] = useState<string>();
  const isDue = due !== undefined && due !== shown;
  useEffect(() => {
    if (!isDue) return;
    let isWanted = true;
    void load(route, () => isWanted).then(() => isWanted && setShown(due));
    return () => {
      isWanted = false;
    };
  }, [isDue, due, load, route]);

  const reload = useCallback(() => load(route), [load, route]);
  const openTab = useCallback(async () => {
    // Opened at once, while the click still allows it, and without a way back to this page.
    const tab = window.open("about:blank", "_blank");
    if (!tab) return;
    tab.opener = null;
    try {
      const { preview_url } = await fresh();
      tab.location.replace(previewUrlAt(preview_url, route));
    } catch (fault) {
      tab.close();
      setError(asError(fault));
    }
  }, [fresh, route]);
  const isEnded = session !== undefined && isOver(session.status);
  return { frame: isEnded ? undefined : frame, error, reload, openTab };
}
