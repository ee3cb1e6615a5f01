// What a page may replace later, kept as it was before any code of the page's own ran.

export const parentWindow: Window = window.parent;
export const fetchNatively: typeof fetch = window.fetch.bind(window);
export const later: (work: () => void, ms: number) => number = window.setTimeout.bind(window);
export const cancel: (timer: number) => void = window.clearTimeout.bind(window);
export const toJson: (value: unknown) => string = JSON.stringify;
export const now: () => number = Date.now;
export const apply = Reflect.apply;

const encoder = new TextEncoder();

/** Bytes of a text in UTF-8. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** The same work, but what it throws reaches nobody: nothing of ours may disturb the page. */
export function quietly<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      work(...args);
    } catch {
      // The page goes first: what could not be told is lost.
    }
  };
}
