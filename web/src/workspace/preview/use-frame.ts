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
  /** Called when a page is asked for: whether its server was up then. */
  onAsked: (isUp: boolean) => void,
): FrameHandle {
  const [frame, setFrame] = useState<Frame>();
  const show = useCallback(
    ({ preview_url, status }: SessionView, to: string) => {
      onAsked(status === "running" || status === "frozen");
      setFrame((before) => ({ src: previewUrlAt(preview_url, to), key: (before?.key ?? 0) + 1 }));
    },
    [onAsked],
  );

  const id = session?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new token or route is no reason to reload the app
  useEffect(() => {
    if (session) show(session, route);
  }, [id, show]);

  const load = useCallback(async (to: string) => show(await fresh(), to), [fresh, show]);
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
