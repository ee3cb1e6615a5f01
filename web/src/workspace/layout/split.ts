// Sizes of the panels, as numbers a separator can move.

export interface Range {
  min: number;
  max: number;
  /** What the arrow keys move by. */
  step: number;
}

export const SIDE_PX: Range = { min: 200, max: 480, step: 16 };
/** The preview's share of what the side leaves, in percent. */
export const PREVIEW_PERCENT: Range = { min: 20, max: 80, step: 2 };

export function clamp(value: number, { min, max }: Range): number {
  return Math.min(max, Math.max(min, value));
}

/** Where a key moves a separator to, undefined when it is not one of its keys. `grows`: 1 when right means larger. */
export function keyMove(key: string, value: number, range: Range, grows: 1 | -1): number | undefined {
  if (key === "ArrowRight") return clamp(value + grows * range.step, range);
  if (key === "ArrowLeft") return clamp(value - grows * range.step, range);
  if (key === "Home") return range.min;
  if (key === "End") return range.max;
  return undefined;
}
