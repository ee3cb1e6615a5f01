// Which rows of a long list have to be in the document: those that are seen, and some around them.

export interface Slice {
  from: number;
  /** Not included. */
  to: number;
}

/** Where each row begins, and where the last one ends: one number more than rows. */
export function topsOf(count: number, heightOf: (index: number) => number): number[] {
  const tops = [0];
  let top = 0;
  for (let index = 0; index < count; index++) {
    top += heightOf(index);
    tops.push(top);
  }
  return tops;
}

/** The row that is at `y`; the last one for what is below all of them. */
export function rowAt(tops: readonly number[], y: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The rows that are seen through a window, and those within `beyond` pixels of it. */
export function sliceOf(tops: readonly number[], top: number, height: number, beyond: number): Slice {
  const count = tops.length - 1;
  if (count <= 0) return { from: 0, to: 0 };
  return { from: rowAt(tops, top - beyond), to: Math.min(count, rowAt(tops, top + height + beyond) + 1) };
}
