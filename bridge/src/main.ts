// The bridge: runs in the pages of a preview before anything of theirs, and tells what happens in them.
import type { PreviewEvent } from "../../sdk/client/src/bridge";
import { currentBlank, lookSoon } from "./blank";
import { obey } from "./commands";
import { watchConsole } from "./console";
import { watchErrors } from "./errors";
import { parentWindow, quietly } from "./native";
import { lastReady, tellReady, watchNavigation } from "./navigation";
import { elementFailed, watchNetwork } from "./network";
import { flushNow, repeat } from "./outlet";
import { currentOverlay, watchOverlay } from "./overlay";
import { pick } from "./picker";

/** True in a frame of the app's own: the page around it has a bridge, and nobody else should hear. */
function isInside(): boolean {
  try {
    return parentWindow !== window && parentWindow.location.origin === location.origin;
  } catch {
    return false;
  }
}

/** How things stand, for whoever came late. */
function tellAgain(): void {
  const standing = [lastReady(), currentOverlay(), currentBlank()];
  repeat(standing.filter((event): event is PreviewEvent => event !== undefined));
}

function begin(): void {
  watchConsole();
  watchErrors(lookSoon, elementFailed);
  watchNetwork();
  obey(tellAgain);
  document.addEventListener("DOMContentLoaded", quietly(whenThere), { once: true });
  window.addEventListener("load", quietly(lookSoon), { once: true });
  // No `unload`: it would keep the page out of the cache that Back brings it out of.
  window.addEventListener(
    "pagehide",
    quietly(() => {
      pick(false, true);
      flushNow();
    }),
  );
  window.addEventListener(
    "pageshow",
    quietly((event: PageTransitionEvent) => event.persisted && tellReady()),
  );
}

function whenThere(): void {
  tellReady();
  watchNavigation(lookSoon);
  watchOverlay(lookSoon);
}

// The document's markup is the app's alone, also for what looks at it later.
document.currentScript?.remove();
if (!isInside()) quietly(begin)();
