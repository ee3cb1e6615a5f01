// Short messages about what was just done, with the way back. What shows them is loaded with the first one.
import { useSyncExternalStore } from "react";

export interface Toast {
  title: string;
  description?: string;
  tone?: "plain" | "bad";
  /** One thing to do about it. */
  action?: { label: string; run: () => void };
  /** How long it stays; 0: until it is closed. */
  timeoutMs?: number;
  /** After it has gone, for whatever reason but its action. */
  onGone?: () => void;
}

/** Long enough to be read twice. */
const TIMEOUT_MS = 6_000;

let waiting: readonly Toast[] = [];
let taker: ((toast: Toast) => void) | undefined;
let isWanted = false;
const listeners = new Set<() => void>();

export function showToast(toast: Toast): void {
  const full = { timeoutMs: TIMEOUT_MS, ...toast };
  if (taker) {
    taker(full);
    return;
  }
  waiting = [...waiting, full];
  isWanted = true;
  for (const listener of listeners) listener();
}

/** Whether there is anything to show, from the first message on. */
export function useToastsWanted(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isWanted,
  );
}

/** Hands every message to `take`, also those that came before; returns the way to stop that. */
export function takeToasts(take: (toast: Toast) => void): () => void {
  taker = take;
  const before = waiting;
  waiting = [];
  for (const toast of before) take(toast);
  return () => {
    taker = undefined;
  };
}
