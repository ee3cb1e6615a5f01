// What the page in the preview logs, and what goes wrong in it, with the place in the project's own files.
import type { PreviewEvent, SourcePosition } from "@vitrine/client/bridge";
import { useState } from "react";
import { isFault } from "./events-store.js";
import { usePreviewEvents } from "./hooks.js";
import { useShared } from "./provider.js";
import type { Texts } from "./texts.js";

export interface ConsolePanelProps {
  appId: string;
  /** Makes places in files something to press: opens your editor there. */
  onOpenSource?: (source: SourcePosition) => void;
  className?: string;
}

export function ConsolePanel({ appId, onOpenSource, className = "" }: ConsolePanelProps) {
  const { texts } = useShared();
  const { events, clear } = usePreviewEvents(appId);
  const [faultsOnly, setFaultsOnly] = useState(false);
  const shown = faultsOnly ? events.filter(({ event }) => isFault(event)) : events;
  return (
    <section className={`vitrine-console ${className}`} aria-label={texts.console}>
      <header className="vitrine-console__bar">
        <strong>{texts.console}</strong>
        <label>
          <input
            type="checkbox"
            checked={faultsOnly}
            onChange={(change) => setFaultsOnly(change.target.checked)}
          />
          {texts.faultsOnly}
        </label>
        <button type="button" className="vitrine-button" disabled={events.length === 0} onClick={clear}>
          {texts.clear}
        </button>
      </header>
      {shown.length === 0 && <p className="vitrine-console__empty">{texts.consoleEmpty}</p>}
      {/* The list can be scrolled by keyboard. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable */}
      <ol className="vitrine-console__list" role="log" aria-label={texts.console} tabIndex={0}>
        {shown.map(({ key, event }) => (
          <Line key={key} event={event} texts={texts} onOpenSource={onOpenSource} />
        ))}
      </ol>
    </section>
  );
}

interface LineProps {
  event: PreviewEvent;
  texts: Texts;
  onOpenSource: ConsolePanelProps["onOpenSource"];
}

function Line({ event, texts, onOpenSource }: LineProps) {
  const source = sourceOf(event);
  const place = source && `${source.file}:${source.line}`;
  return (
    <li className="vitrine-console__line" data-level={levelOf(event)}>
      <span className="vitrine-console__text">{textOf(event, texts)}</span>
      {source && onOpenSource && (
        <button type="button" className="vitrine-link" onClick={() => onOpenSource(source)}>
          {place}
        </button>
      )}
      {source && !onOpenSource && <code>{place}</code>}
    </li>
  );
}

/** One line for people; what the app wrote is text and never markup. */
export function textOf(event: PreviewEvent, texts: Texts): string {
  switch (event.kind) {
    case "console":
      return event.args.join(" ");
    case "error":
      return `${event.name}: ${event.message}`;
    case "network":
      return `${event.method} ${event.url} ${event.status ?? event.failure ?? texts.noAnswer}`;
    case "overlay":
      return event.message;
    case "dropped":
      return texts.dropped(event.count);
    default:
      return "";
  }
}

function levelOf(event: PreviewEvent): string {
  return event.kind === "console" ? event.level : isFault(event) ? "error" : "info";
}

function sourceOf(event: PreviewEvent): SourcePosition | undefined {
  if (event.kind === "console" || event.kind === "error") return event.source;
  if (event.kind !== "overlay" || event.file === undefined) return undefined;
  return { file: event.file, line: event.line ?? 1, column: event.column ?? 1 };
}
