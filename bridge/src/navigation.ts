// Where the page is.
import type { PreviewEvent } from "../../sdk/client/src/bridge";
import { cut } from "./inspect";
import { apply, later, quietly } from "./native";
import { tell } from "./outlet";

/** Routers set the title right after the address. */
const SETTLE_MS = 50;

interface Entries extends EventTarget {
  canGoBack: boolean;
  canGoForward: boolean;
  back(): unknown;
  forward(): unknown;
}

/** The frame's own history, where the browser has one: `history.back()` would take the builder along. */
export const entries = (window as { navigation?: Entries }).navigation;

let shown = "";
let latest: PreviewEvent | undefined;

/** The event that says where the page began. */
export function lastReady(): PreviewEvent | undefined {
  return latest;
}

export function route(): string {
  return cut(location.pathname + location.search + location.hash, 4_000);
}

function place(): { route: string; title: string; can_go_back?: boolean; can_go_forward?: boolean } {
  const known = entries ? { can_go_back: entries.canGoBack, can_go_forward: entries.canGoForward } : {};
  return { route: route(), title: cut(document.title, 300), ...known };
}

export function tellReady(): void {
  shown = route();
  latest = tell({ kind: "ready", ...place() });
}

/** `onMove` is called when the address has changed within the document. */
export function watchNavigation(onMove: () => void): void {
  const moved = quietly(() => {
    if (route() === shown) return;
    shown = route();
    tell({ kind: "navigation", ...place() });
    onMove();
  });
  const soon = () => void later(moved, SETTLE_MS);
  if (entries) {
    entries.addEventListener("currententrychange", soon);
    return;
  }
  for (const method of ["pushState", "replaceState"] as const) {
    const original = history[method];
    history[method] = function (this: History, ...args: Parameters<typeof original>) {
      apply(original, this, args);
      soon();
    };
  }
  window.addEventListener("popstate", soon);
  window.addEventListener("hashchange", soon);
}
