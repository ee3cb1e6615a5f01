// One question and its answer; citation marks open their source beside it.
import type { RuntimeError } from "../lib/runtime/errors";
import { isOpen, type Turn } from "../lib/runtime/turns";
import { Markdown } from "./Markdown";

interface ExchangeProps {
  turn: Turn;
  onRetry: () => void;
  onRead: (ref: string) => void;
}

export function Exchange({ turn, onRetry, onRead }: ExchangeProps) {
  const current = turn.steps.at(-1);

  return (
    <article id={turn.id} className="py-7" aria-busy={isOpen(turn)}>
      {turn.isSample && <p className="mb-2 text-sm font-medium text-accent">Sample, written by hand</p>}
      <h2 className="text-lg leading-snug font-semibold tracking-tight">{turn.question}</h2>
      {isOpen(turn) && (
        <p className="mt-2 animate-pulse text-sm text-muted">{current ? `${current.label}: ${current.detail}` : "Reading…"}</p>
      )}
      <div className="answer mt-3">
        <Markdown text={turn.answer} citation={(ref) => <Citation reference={ref} onRead={onRead} />} />
      </div>
      {turn.status === "stopped" && <p className="mt-3 text-sm text-muted">You stopped this answer.</p>}
      {turn.error && <Unanswered error={turn.error} onRetry={onRetry} />}
    </article>
  );
}

function Citation({ reference, onRead }: { reference: string; onRead: (ref: string) => void }) {
  return (
    <button
      type="button"
      aria-label={`Read source ${reference}`}
      onClick={() => onRead(reference)}
      className="mx-0.5 rounded bg-accent-soft px-1.5 text-[0.75rem] leading-5 font-medium text-accent hover:bg-accent hover:text-on-accent"
    >
      {reference}
    </button>
  );
}

function Unanswered({ error, onRetry }: { error: RuntimeError; onRetry: () => void }) {
  return (
    <div role="status" className="mt-3 rounded-md border border-line bg-frame p-4">
      <p className="font-medium">{error.message}</p>
      {error.kind === "backend_not_configured" && (
        <p className="mt-1 text-muted">
          The desk has nothing to search and invents nothing. Connect a chat back end to this app in the builder; it answers
          at /api/py.
        </p>
      )}
      <button type="button" onClick={onRetry} className="mt-3 rounded-md border border-line bg-paper px-3 py-1.5 font-medium">
        Try again
      </button>
    </div>
  );
}
