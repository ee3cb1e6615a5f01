// Errors that nobody caught.
import { asText, cut } from "./inspect";
import { locate } from "./locate";
import { quietly } from "./native";
import { tell } from "./outlet";

const MAX_TEXT = 8_000;

/** Browsers say so when an observer has more to do in the next frame; nothing is wrong. */
const HARMLESS = /^ResizeObserver loop/;

/** React lets the same error come up twice while it looks for its place. */
const seen = new WeakSet<object>();

/** `onError` is told of every error, `onResource` of elements that could not be loaded. */
export function watchErrors(onError: () => void, onResource: (element: Element) => void): void {
  const uncaught = quietly((event: Event) => {
    if (event.target instanceof Element) {
      onResource(event.target);
    } else if (event instanceof ErrorEvent) {
      const place = event.filename ? `${event.filename}:${event.lineno}:${event.colno}` : "";
      report(event.error ?? event.message, false, place);
      onError();
    }
  });
  // Elements do not bubble.
  window.addEventListener("error", uncaught, true);
  window.addEventListener(
    "unhandledrejection",
    quietly((event: PromiseRejectionEvent) => {
      report(event.reason, true, "");
      onError();
    }),
  );
}

function report(thrown: unknown, rejection: boolean, place: string): void {
  if (typeof thrown === "object" && thrown !== null) {
    if (seen.has(thrown)) return;
    seen.add(thrown);
  }
  const { message, name, stack } = (thrown ?? {}) as { message?: unknown; name?: unknown; stack?: unknown };
  const words = typeof message === "string" ? message : asText(thrown);
  if (HARMLESS.test(words)) return;
  const calls = typeof stack === "string" ? stack : undefined;
  // A syntax error has no calls: the browser says where it is.
  const locating = locate(calls).then(async (source) => {
    const found = source ?? (await locate(place));
    return found ? { source: found } : undefined;
  });
  tell(
    {
      kind: "error",
      message: cut(words, MAX_TEXT),
      name: cut(typeof name === "string" ? name : "Error", 100),
      rejection,
      ...(calls === undefined ? {} : { stack: cut(calls.replaceAll(location.origin, ""), MAX_TEXT) }),
    },
    locating,
  );
}
