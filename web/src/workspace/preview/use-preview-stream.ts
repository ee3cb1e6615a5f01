// What previews of the app tell elsewhere, in a tab or on a phone: by the server, while the page here says nothing itself.
import { type PreviewEvent, readPreviewEvent } from "@vitrine/client/bridge";
import { useEffect } from "react";
import { previewEventsUrl } from "../../api/calls";
import { backoffMs } from "../draft/backoff";

/** Listens while `enabled`. A server without such a stream is not asked again before the next session. */
export function usePreviewStream(
  app: string,
  session: string | undefined,
  enabled: boolean,
  take: (events: readonly PreviewEvent[]) => void,
): void {
  useEffect(() => {
    if (!enabled || session === undefined) return;
    return listen(previewEventsUrl(app), take);
  }, [app, session, enabled, take]);
}

function listen(url: string, take: (events: readonly PreviewEvent[]) => void): () => void {
  let source: EventSource;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let wasOpen = false;
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => {
      attempt = 0;
      wasOpen = true;
    };
    source.addEventListener("preview", (message: MessageEvent<string>) => {
      const event = readPreviewEvent(parsed(message.data));
      if (event) take([event]);
    });
    source.onerror = () => {
      // The browser reconnects by itself, except after an answer that was an error.
      if (source.readyState !== EventSource.CLOSED || !wasOpen) return;
      reopening = setTimeout(open, backoffMs(attempt++, Math.random()));
    };
  };
  open();
  return () => {
    clearTimeout(reopening);
    source.close();
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
