// The bridge to the page in a frame: what it tells goes to the store, what the page is asked to do goes to it.
import {
  listenToPreview,
  type PickedEvent,
  type PreviewBridge,
  type PreviewEvent,
} from "@vitrine/client/bridge";
import { useCallback, useEffect, useRef, useState } from "react";
import type { PreviewStore } from "./preview-store";

export interface BridgeHandle {
  /** Undefined until the page in the frame has said something: it may have no bridge. */
  bridge: PreviewBridge | undefined;
  /** For the `ref` of the frame. */
  attach: (frame: HTMLIFrameElement | null) => void;
}

interface BridgeWatch {
  store: PreviewStore;
  /** The preview's own; undefined while there is none. */
  origin: string | undefined;
  onPicked: (picked: PickedEvent) => void;
  /** The page has begun, or has gone somewhere. */
  onSign: (event: PreviewEvent) => void;
}

export function useBridge({ store, origin, onPicked, onSign }: BridgeWatch): BridgeHandle {
  const [frame, attach] = useState<HTMLIFrameElement | null>(null);
  const [bridge, setBridge] = useState<PreviewBridge>();
  const calls = useRef({ onPicked, onSign });
  calls.current = { onPicked, onSign };

  useEffect(() => {
    if (!frame || origin === undefined) return;
    const opened = listenToPreview({
      frame,
      origin,
      onEvent: (event) => {
        setBridge(opened);
        store.take([event]);
        if (event.kind === "picked") calls.current.onPicked(event);
        if (event.kind === "ready" || event.kind === "navigation") calls.current.onSign(event);
      },
    });
    return () => {
      opened.close();
      setBridge(undefined);
    };
  }, [frame, origin, store]);

  return { bridge, attach: useCallback((element) => attach(element), []) };
}
