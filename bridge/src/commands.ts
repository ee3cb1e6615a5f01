// What the page around the preview asks for. Only the frame's parent is heard, and only when it is of a named origin.
import { apply, later, parentWindow, quietly } from "./native";
import { entries } from "./navigation";
import { heardFrom } from "./outlet";
import { pick } from "./picker";
import { settings } from "./settings";

/** `onHello` says again how things stand. */
export function obey(onHello: () => void): void {
  window.addEventListener(
    "message",
    quietly((event: MessageEvent<unknown>) => {
      if (event.source !== parentWindow || !settings.origins.includes(event.origin)) return;
      const { data } = event;
      if (typeof data !== "object" || data === null || (data as { source?: unknown }).source !== "vitrine")
        return;
      // It is not for the app.
      event.stopImmediatePropagation();
      const { version, type, on, route } = data as Record<string, unknown>;
      if (version !== 1) return;
      heardFrom(event.origin);
      if (type === "hello") onHello();
      else if (type === "picker") pick(on === true);
      else if (type === "reload") location.reload();
      else if (type === "back" || type === "forward") move(type);
      else if (type === "go" && typeof route === "string") go(route);
    }),
  );
}

/** Within the frame's own history. Where a browser does not tell it from that of the whole tab, nothing happens. */
function move(to: "back" | "forward"): void {
  if (!entries) return;
  const can = to === "back" ? entries.canGoBack : entries.canGoForward;
  if (can) apply(entries[to], entries, []);
}

function go(route: string): void {
  const url = new URL(route, location.origin);
  if (url.origin !== location.origin) return;
  // Not while the message is being handled: the page may listen to what comes with it.
  later(() => location.assign(url), 0);
}
