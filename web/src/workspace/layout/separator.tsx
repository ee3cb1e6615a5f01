// A line between two panels, to be dragged or moved with the arrow keys.
import { type PointerEvent, useState } from "react";
import styles from "./layout.module.css";
import { clamp, keyMove, type Range } from "./split";

interface SeparatorProps {
  label: string;
  value: number;
  range: Range;
  /** 1 when a move to the right makes the value larger. */
  grows: 1 | -1;
  /** How many pixels one unit of the value is, measured when a drag begins. */
  pixelsPerUnit: (separator: HTMLElement) => number;
  onChange: (value: number) => void;
}

interface Drag {
  fromX: number;
  fromValue: number;
  pixels: number;
}

export function Separator({ label, value, range, grows, pixelsPerUnit, onChange }: SeparatorProps) {
  const [drag, setDrag] = useState<Drag>();
  const start = (event: PointerEvent<HTMLElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ fromX: event.clientX, fromValue: value, pixels: pixelsPerUnit(event.currentTarget) });
  };
  const move = (event: PointerEvent) => {
    if (!drag || drag.pixels === 0) return;
    const moved = ((event.clientX - drag.fromX) / drag.pixels) * grows;
    onChange(clamp(drag.fromValue + moved, range));
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: an hr cannot be moved
    <div
      role="separator"
      className={styles.separator}
      data-dragging={drag !== undefined}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuenow={Math.round(value)}
      aria-valuemin={range.min}
      aria-valuemax={range.max}
      tabIndex={0}
      onPointerDown={start}
      onPointerMove={move}
      onPointerUp={() => setDrag(undefined)}
      onPointerCancel={() => setDrag(undefined)}
      onKeyDown={(event) => {
        const next = keyMove(event.key, value, range, grows);
        if (next === undefined) return;
        event.preventDefault();
        onChange(next);
      }}
    />
  );
}
