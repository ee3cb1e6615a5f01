// The session's log, live while `enabled`. A browser has few connections to one server, so nobody listens unseen.
import { useEffect, useState } from "react";
import { sessionLogsUrl } from "../../api/calls";
import type { LogLine } from "../../api/types";
import { appendLines } from "./log-lines";

const REOPEN_MS = 2_000;

export type Connection = "connecting" | "open" | "lost";

export interface Log {
  lines: readonly LogLine[];
  connection: Connection;
  clear: () => void;
}

export function useLog(app: string, session: string | undefined, enabled: boolean): Log {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [connection, setConnection] = useState<Connection>("connecting");

  // biome-ignore lint/correctness/useExhaustiveDependencies: another session, another log
  useEffect(() => setLines([]), [app, session]);

  useEffect(() => {
    if (!enabled || session === undefined) return;
    setConnection("connecting");
    return listen(sessionLogsUrl(app), setConnection, (arrived) =>
      setLines((before) => appendLines(before, arrived)),
    );
  }, [app, session, enabled]);

  // Emptied for the eye only: the last line stays known, so that a replay does not bring all of them back.
  const [clearedTo, setClearedTo] = useState(-1);
  const shown = lines.filter((line) => line.seq > clearedTo);
  return { lines: shown, connection, clear: () => setClearedTo(lines.at(-1)?.seq ?? -1) };
}

/** Listens until the returned function is called; what arrives in one frame is delivered together. */
function listen(
  url: string,
  onConnection: (connection: Connection) => void,
  onLines: (lines: LogLine[]) => void,
): () => void {
  let source: EventSource;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  let waiting: LogLine[] = [];
  const deliver = () => {
    frame = 0;
    onLines(waiting);
    waiting = [];
  };
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => onConnection("open");
    source.onmessage = (event: MessageEvent<string>) => {
      waiting.push(JSON.parse(event.data) as LogLine);
      frame ||= requestAnimationFrame(deliver);
    };
    source.onerror = () => {
      onConnection("lost");
      // The browser reconnects by itself, except after an answer that was an error.
      if (source.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_MS);
    };
  };
  open();
  return () => {
    clearTimeout(reopening);
    cancelAnimationFrame(frame);
    source.close();
  };
}
