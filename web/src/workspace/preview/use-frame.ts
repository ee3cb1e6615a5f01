// What the preview frame shows: loaded once per session, and again only when asked to, each time with a fresh token.
import { useCallback, useEffect, useState } from "react";
import type { SessionView } from "../../api/types";
import { previewUrlAt } from "./preview-url";

export interface Frame {
  src: string;
  /** Another value makes another frame. */
  key: number;
}

export interface FrameHandle {
  frame: Frame | undefined;
  /** Loads `route`, even when it is shown already. */
  load: (route: string) => Promise<void>;
  openTab: (route: string) => Promise<void>;
}

export function useFrame(
  session: SessionView | undefined,
  fresh: () => Promise<SessionView>,
  route: string,
): FrameHandle {
  const [frame, setFrame] = useState<Frame>();
  const show = useCallback((url: string) => {
    setFrame((before) => ({ src: url, key: (before?.key ?? 0) + 1 }));
  }, []);

  const id = session?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new token or route is no reason to reload the app
  useEffect(() => {
    if (session) show(previewUrlAt(session.preview_url, route));
  }, [id, show]);

  const load = useCallback(
    async (to: string) => {
      const { preview_url } = await fresh();
      show(previewUrlAt(preview_url, to));
    },
    [fresh, show],
  );
  const openTab = useCallback(
    async (to: string) => {
      // Opened at once, while the click still allows it; without a way back to this page.
      const tab = window.open("about:blank", "_blank");
      if (!tab) return;
      tab.opener = null;
      const { preview_url } = await fresh().catch((error: unknown) => {
        tab.close();
        throw error;
      });
      tab.location.replace(previewUrlAt(preview_url, to));
    },
    [fresh],
  );
  return { frame, load, openTab };
}
