// One exchange in the log: the question, the trace, the output, the sources.
import { isOpen, type Turn } from "../lib/runtime/turns";
import { Fault } from "./Fault";
import { Markdown } from "./Markdown";

interface EntryProps {
  turn: Turn;
  number: number;
  showsTrace: boolean;
}

export function Entry({ turn, number, showsTrace }: EntryProps) {
  return (
    <article className="grid grid-cols-[2.5rem_1fr] md:grid-cols-[4rem_1fr]" aria-busy={isOpen(turn)}>
      <span className="text-muted tabular-nums" aria-hidden="true">
        {String(number).padStart(2, "0")}
      </span>
      <div className="min-w-0 space-y-4">
        {turn.isSample && <p className="inline-block border border-line px-2 text-xs text-muted">sample, written by hand</p>}
        <h2 className="text-base font-semibold text-accent">{turn.question}</h2>
        {showsTrace && <Trace turn={turn} />}
        {turn.status === "waiting" && <p className="animate-pulse text-muted">waiting…</p>}
        <div className="output">
          <Markdown text={turn.answer} citation={(ref) => <span className="text-accent">[{ref}]</span>} />
        </div>
        {turn.status === "stopped" && <p className="text-muted">^C stopped</p>}
        {turn.error && <Fault error={turn.error} />}
        <SourceLines turn={turn} />
      </div>
    </article>
  );
}

function Trace({ turn }: { turn: Turn }) {
  if (turn.steps.length === 0) return null;
  return (
    <ol className="text-muted" aria-label="Trace">
      {turn.steps.map((step) => (
        <li key={step.id} className="flex gap-3">
          <span aria-hidden="true" className={step.status === "active" ? "animate-pulse text-accent" : undefined}>
            {step.status === "active" ? "▸" : "✓"}
          </span>
          <span className="w-20 shrink-0 truncate text-text">{step.label}</span>
          <span className="min-w-0">{step.detail}</span>
        </li>
      ))}
    </ol>
  );
}

function SourceLines({ turn }: { turn: Turn }) {
  if (turn.sources.length === 0) return null;
  return (
    <ol className="border-t border-line pt-3" aria-label="Sources">
      {turn.sources.map((source) => (
        <li key={source.ref} className="flex gap-3">
          <span className="text-accent">[{source.ref}]</span>
          <span className="min-w-0 text-muted">
            {source.url ? (
              <a href={source.url} target="_blank" rel="noreferrer" className="text-text underline underline-offset-4">
                {source.title}
              </a>
            ) : (
              <span className="text-text">{source.title}</span>
            )}{" "}
            {source.excerpt}
          </span>
        </li>
      ))}
    </ol>
  );
}
