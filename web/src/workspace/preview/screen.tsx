// The screen that the page is shown on: all of the stage, or one of a size of its own that is dragged by its edges.
import { type PointerEvent, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { dragged, type Edge, nudged, type Size, scaleToFit, sizeOfView, type View } from "./devices";
import styles from "./screen.module.css";
import { SizeBar } from "./size-bar";

/** Around a screen of its own size: for its edges. */
const MARGIN_PX = 20;
const EDGES: readonly Edge[] = ["right", "bottom", "corner"];

interface ScreenProps {
  view: View;
  isFitted: boolean;
  /** True while what is shown is not alive. */
  isStill: boolean;
  onView: (view: View) => void;
  onFit: (fits: boolean) => void;
  children: ReactNode;
}

interface Drag {
  edge: Edge;
  from: Size;
  x: number;
  y: number;
  /** That of the moment it began, or what is dragged would run away from the pointer. */
  scale: number;
}

export function Screen({ view, isFitted, isStill, onView, onFit, children }: ScreenProps) {
  const { t } = useTranslation("stage");
  const [drag, setDrag] = useState<Drag>();
  const [room, measure] = useRoom();
  const size = sizeOfView(view);
  const fitted = size && isFitted ? scaleToFit(size, room) : 1;
  const scale = drag?.scale ?? fitted;

  const resize = (next: Size | undefined) => next && onView({ kind: "custom", size: next });
  const start = (edge: Edge) => (event: PointerEvent<HTMLElement>) => {
    if (!size) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ edge, from: size, x: event.clientX, y: event.clientY, scale });
  };
  const move = (event: PointerEvent) => {
    if (!drag) return;
    const by = { x: event.clientX - drag.x, y: event.clientY - drag.y };
    resize(dragged(drag.from, drag.edge, by, drag.scale));
  };
  const end = () => setDrag(undefined);
  return (
    <div className={styles.stage} data-sized={size !== undefined}>
      {size && (
        <SizeBar view={view} size={size} scale={scale} isFitted={isFitted} onView={onView} onFit={onFit} />
      )}
      <div ref={measure} className={styles.room}>
        {/* The same elements for every view: a frame that moves in the document would load anew. */}
        <div className={styles.screen} style={size && scaled(size, scale)} data-dragging={drag !== undefined}>
          <div
            className={styles.glass}
            data-still={isStill}
            data-testid="screen"
            style={size && { ...size, transform: `scale(${scale})` }}
          >
            {children}
          </div>
          {size &&
            EDGES.map((edge) => (
              <button
                key={edge}
                type="button"
                className={styles.edge}
                data-edge={edge}
                aria-label={t(`size.edges.${edge}`, { ...size })}
                onPointerDown={start(edge)}
                onPointerMove={move}
                onPointerUp={end}
                onPointerCancel={end}
                onKeyDown={(event) => {
                  const next = nudged(size, edge, event.key);
                  if (next) event.preventDefault();
                  resize(next);
                }}
              />
            ))}
        </div>
      </div>
    </div>
  );
}

function scaled({ width, height }: Size, scale: number): Size {
  return { width: width * scale, height: height * scale };
}

/** What there is between the margins, measured as it changes. */
function useRoom(): [Size, (element: HTMLElement | null) => void] {
  const [element, setElement] = useState<HTMLElement | null>(null);
  const [room, setRoom] = useState<Size>({ width: 0, height: 0 });
  const known = useRef(room);
  useLayoutEffect(() => {
    if (!element) return;
    const look = () => {
      const next = {
        width: Math.max(0, element.clientWidth - 2 * MARGIN_PX),
        height: Math.max(0, element.clientHeight - 2 * MARGIN_PX),
      };
      if (next.width === known.current.width && next.height === known.current.height) return;
      known.current = next;
      setRoom(next);
    };
    look();
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => watch.disconnect();
  }, [element]);
  return [room, setElement];
}
