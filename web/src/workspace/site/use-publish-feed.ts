// Listens to the event stream of one publish.
import { useEffect, useState } from "react";
import { publishLogsUrl } from "../../api/calls";
import type { Publish, PublishLogLine } from "../../api/types";
import { backoffMs } from "../draft/backoff";
import { type Feed, type FeedEvent, feedAfter, SILENT_FEED } from "./publish-feed";

/** What is told of `publish` while `listening`; told once in full, it is not asked for again. */
export function usePublishFeed(app: string, publish: string | undefined, listening: boolean): Feed {
  const [feeds, setFeeds] = useState<{ of: string | undefined; feed: Feed }>({
    of: publish,
    feed: SILENT_FEED,
  });
  // What is at hand of another publish is not this one's.
  const feed = feeds.of === publish ? feeds.feed : SILENT_FEED;
  const { ended } = feed;

  useEffect(() => {
    if (publish === undefined || !listening || ended) return;
    return listen(publishLogsUrl(app, publish), (event) =>
      setFeeds((before) => ({
        of: publish,
        feed: feedAfter(before.of === publish ? before.feed : SILENT_FEED, event),
      })),
    );
  }, [app, publish, listening, ended]);
  return feed;
}

/** Listens until the end or until the returned function is called; lines that arrive in one frame come together. */
function listen(url: string, onEvent: (event: FeedEvent) => void): () => void {
  let source: EventSource;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let frame = 0;
  let waiting: PublishLogLine[] = [];
  const deliver = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    if (waiting.length > 0) onEvent({ type: "log", lines: waiting });
    waiting = [];
  };
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => {
      attempt = 0;
      onEvent({ type: "open" });
    };
    source.addEventListener("log", (event: MessageEvent<string>) => {
      waiting.push(JSON.parse(event.data) as PublishLogLine);
      frame ||= requestAnimationFrame(deliver);
    });
    source.addEventListener("publish", (event: MessageEvent<string>) => {
      onEvent({ type: "publish", publish: JSON.parse(event.data) as Publish });
    });
    source.addEventListener("end", () => {
      // Closed here, or the browser would connect again.
      source.close();
      deliver();
      onEvent({ type: "end" });
    });
    source.onerror = () => {
      onEvent({ type: "lost" });
      // The browser reconnects by itself and says what it has; except after an answer that was an error.
      if (source.readyState === EventSource.CLOSED)
        reopening = setTimeout(open, backoffMs(attempt++, Math.random()));
    };
  };
  open();
  return () => {
    clearTimeout(reopening);
    cancelAnimationFrame(frame);
    source.close();
  };
}
