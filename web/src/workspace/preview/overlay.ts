// What the dev server says over the page, in a line with its place; and which other complaints are that same slip again.
import type { OverlayEvent } from "@vitrine/client/bridge";
import type { Place } from "../site/publish-view";

export interface Overlay {
  message: string;
  detail?: string;
  place?: Place;
}

/** Says that something failed, and not what. */
const EMPTY_WORDS = /^(?:\[plugin:[^\]]*\]\s*)?(?:transform|build|pre-transform) (?:error|failed)[^:]*:?$/i;

/** The first line that says what is wrong, the whole text below it, and the line of the file where the text names it. */
export function overlayOf({ message, file, line, column, frame }: OverlayEvent): Overlay {
  const whole = [message.trim(), frame].filter(Boolean).join("\n");
  const lines = message.split("\n").map((text) => text.trim());
  const head = lines.find((text) => text !== "" && !EMPTY_WORDS.test(text)) ?? lines[0] ?? "";
  return {
    message: head,
    ...(whole !== head && { detail: whole }),
    ...(file !== undefined && { place: placeIn(whole, file, line, column) }),
  };
}

function placeIn(text: string, path: string, line: number | undefined, column: number | undefined): Place {
  if (line !== undefined) return { path, line, ...(column !== undefined && { column }) };
  const at = text.indexOf(`${path}:`);
  const numbers = at < 0 ? null : /^(\d+)(?::(\d+))?/.exec(text.slice(at + path.length + 1));
  if (!numbers) return { path };
  return { path, line: Number(numbers[1]), ...(numbers[2] !== undefined && { column: Number(numbers[2]) }) };
}

/** Whether a fault only says again that the file of the overlay could not be loaded. */
export function isConsequence(fault: { kind: string; message: string }, overlay: Overlay): boolean {
  if (fault.kind === "console") return fault.message.startsWith("[vite]");
  if (fault.kind !== "network" || !overlay.place) return false;
  const address = fault.message.slice(fault.message.indexOf(" ") + 1);
  return (address.split(/[?#]/)[0] ?? "").endsWith(`/${overlay.place.path}`);
}
