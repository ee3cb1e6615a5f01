// Which of the two windows of the keyboard is open: the palette with every command, or the list of shortcuts.
import { useSyncExternalStore } from "react";

export type CenterWindow = "palette" | "shortcuts" | undefined;

let shown: CenterWindow;
const listeners = new Set<() => void>();

export function showWindow(window: CenterWindow): void {
  shown = window;
  for (const listener of listeners) listener();
}

export function shownWindow(): CenterWindow {
  return shown;
}

export function useShownWindow(): CenterWindow {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, shownWindow);
}
