// A pane's width, changed by dragging or by the arrow keys, kept within limits.
import { type KeyboardEvent, type PointerEvent, useState } from "react";

interface Limits {
  initialPx: number;
  minPx: number;
  maxPx: number;
}

const KEY_STEP_PX = 24;

/** For a pane on the right: moving its handle to the left makes it wider. */
export function useResizableWidth({ initialPx, minPx, maxPx }: Limits) {
  const [widthPx, setWidthPx] = useState(initialPx);
  const clamp = (px: number) => Math.round(Math.min(Math.max(px, minPx), maxPx));

  function onPointerDown(event: PointerEvent<HTMLElement>) {
    const handle = event.currentTarget;
    const startX = event.clientX;
    const follow = (move: globalThis.PointerEvent) => setWidthPx(clamp(widthPx + startX - move.clientX));
    const release = () => {
      handle.removeEventListener("pointermove", follow);
      handle.removeEventListener("lostpointercapture", release);
    };
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("lostpointercapture", release);
  }

  function onKeyDown(event: KeyboardEvent) {
    const targets: Partial<Record<string, number>> = {
      ArrowLeft: widthPx + KEY_STEP_PX,
      ArrowRight: widthPx - KEY_STEP_PX,
      Home: maxPx,
      End: minPx,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    setWidthPx(clamp(target));
  }

  return { widthPx, handle: { onPointerDown, onKeyDown } };
}
