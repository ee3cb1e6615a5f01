// The conversation and its field.
import { type FormEvent, useEffect, useRef } from "react";
import type { Turn } from "../lib/runtime/turns";
import { Exchange } from "./Exchange";

interface ChatPaneProps {
  heading: string;
  turns: Turn[];
  isBusy: boolean;
  draft: string;
  onDraftChange: (draft: string) => void;
  onAsk: (question: string) => void;
  onStop: () => void;
  onRetry: () => void;
  onRead: (turnId: string, ref: string) => void;
  onShowSample: () => void;
}

export function ChatPane(props: ChatPaneProps) {
  const { turns, isBusy, draft } = props;
  const end = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (isBusy) end.current?.scrollIntoView({ block: "end" });
  }, [turns, isBusy]);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (draft.trim() !== "" && !isBusy) props.onAsk(draft);
  }

  return (
    <>
      <div className="flex-1 overflow-y-auto">
        {turns.length === 0 ? (
          <EmptyDesk heading={props.heading} onPick={props.onDraftChange} onShowSample={props.onShowSample} />
        ) : (
          <div className="mx-auto max-w-2xl divide-y divide-line px-5" aria-live="polite">
            <h1 className="sr-only">Conversation</h1>
            {turns.map((turn) => (
              <Exchange key={turn.id} turn={turn} onRetry={props.onRetry} onRead={(ref) => props.onRead(turn.id, ref)} />
            ))}
          </div>
        )}
        <div ref={end} />
      </div>
      <form onSubmit={submit} className="shrink-0 border-t border-line p-4">
        <div className="mx-auto flex max-w-2xl items-center gap-3">
          <label htmlFor="question" className="sr-only">
            Your question
          </label>
          <input
            id="question"
            value={draft}
            autoComplete="off"
            placeholder="Ask the desk"
            onChange={(event) => props.onDraftChange(event.target.value)}
            className="h-11 min-w-0 flex-1 rounded-md border border-line bg-paper px-4 outline-none placeholder:text-muted focus:border-accent"
          />
          <span className="hidden w-8 text-right text-sm text-muted tabular-nums sm:block" title="Characters">
            {draft.length}
          </span>
          <button
            type={isBusy ? "button" : "submit"}
            key={isBusy ? "stop" : "ask"}
            onClick={isBusy ? props.onStop : undefined}
            className="h-11 rounded-md bg-accent px-5 font-medium text-on-accent"
          >
            {isBusy ? "Stop" : "Ask"}
          </button>
        </div>
      </form>
    </>
  );
}

const STARTERS = [
  "What do the four studies agree on?",
  "Where do the sources contradict each other?",
  "Which numbers can I quote, and from where?",
];

interface EmptyDeskProps {
  heading: string;
  onPick: (question: string) => void;
  onShowSample: () => void;
}

function EmptyDesk({ heading, onPick, onShowSample }: EmptyDeskProps) {
  return (
    <div className="mx-auto flex min-h-full max-w-2xl flex-col justify-center px-5 py-10">
      <h1 className="max-w-[18ch] text-3xl leading-tight font-semibold tracking-tight">{heading}</h1>
      <p className="mt-3 max-w-md text-muted">
        Every passage an answer rests on is listed beside it. Open one to read it next to the conversation.
      </p>
      <ul className="mt-8 divide-y divide-line border-y border-line">
        {STARTERS.map((starter) => (
          <li key={starter}>
            <button type="button" onClick={() => onPick(starter)} className="w-full py-3 text-left hover:text-accent">
              {starter}
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        onClick={onShowSample}
        className="mt-6 self-start rounded-md border border-line px-4 py-2 font-medium hover:border-accent"
      >
        Lay out a sample desk
      </button>
    </div>
  );
}
