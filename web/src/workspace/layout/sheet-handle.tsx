// On a phone: what the preview is pulled up and down by, with a finger or the arrow keys.
import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import styles from "./layout.module.css";
import { restingSheet, type Sheet, sheetByKey, sheetPercent } from "./views";

interface SheetHandleProps {
  sheet: Sheet;
  onSheet: (sheet: Sheet) => void;
}

/** A press that moves less than this is a press. */
const SLOP_PX = 6;

export function SheetHandle({ sheet, onSheet }: SheetHandleProps) {
  const { t } = useTranslation("frame");
  const drag = useRef<{ fromY: number; fromPercent: number; height: number; moved: boolean }>(undefined);
  const start = (event: PointerEvent<HTMLElement>) => {
    const body = event.currentTarget.closest("main");
    if (!body) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = {
      fromY: event.clientY,
      fromPercent: sheetPercent(sheet),
      height: body.clientHeight,
      moved: false,
    };
  };
  const percentAt = (event: PointerEvent) => {
    const { fromY, fromPercent, height } = drag.current ?? { fromY: 0, fromPercent: 0, height: 1 };
    return Math.min(100, Math.max(0, fromPercent + ((fromY - event.clientY) / height) * 100));
  };
  const move = (event: PointerEvent<HTMLElement>) => {
    if (!drag.current || Math.abs(event.clientY - drag.current.fromY) < SLOP_PX) return;
    drag.current.moved = true;
    workspaceOf(event)?.style.setProperty("--sheet", `${percentAt(event)}%`);
  };
  const end = (event: PointerEvent<HTMLElement>) => {
    workspaceOf(event)?.style.removeProperty("--sheet");
    if (drag.current?.moved) onSheet(restingSheet(percentAt(event)));
    else if (drag.current) onSheet(sheet === "full" ? "half" : "full");
    drag.current = undefined;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = event.key === "Enter" || event.key === " " ? other(sheet) : sheetByKey(event.key, sheet);
    if (next === undefined) return;
    event.preventDefault();
    onSheet(next);
  };
  return (
    <button
      type="button"
      className={styles.sheetHandle}
      aria-label={sheet === "full" ? t("sheetHalf") : t("sheetFull")}
      data-testid="sheet-handle"
      onPointerDown={start}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
      onKeyDown={onKeyDown}
    />
  );
}

function other(sheet: Sheet): Sheet {
  return sheet === "full" ? "half" : "full";
}

/** Where the stylesheet reads how far the sheet is up. */
function workspaceOf(event: PointerEvent<HTMLElement>): HTMLElement | null {
  return event.currentTarget.closest<HTMLElement>("[data-sheet]");
}
