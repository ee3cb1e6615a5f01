// A question bubble on the right, an answer bubble on the left.
import { isOpen, type Turn } from "../lib/runtime/turns";
import { Face } from "./Face";
import { Markdown } from "./Markdown";
import { Trouble } from "./Trouble";

interface ExchangeProps {
  turn: Turn;
  onRetry: () => void;
}

export function Exchange({ turn, onRetry }: ExchangeProps) {
  return (
    <div className="space-y-3" aria-busy={isOpen(turn)}>
      <p className="bubble-in ml-auto w-fit max-w-[82%] rounded-3xl rounded-br-lg bg-accent px-4 py-2.5 text-[1.05rem] leading-snug font-semibold text-on-accent">
        {turn.question}
      </p>
      <div className="flex items-end gap-2">
        <Face className="size-8" />
        <div className="bubble-in max-w-[88%] min-w-0 rounded-3xl rounded-bl-lg bg-bubble px-4 py-3 text-[1.05rem] leading-relaxed shadow-sm shadow-ink/5">
          <Reply turn={turn} onRetry={onRetry} />
        </div>
      </div>
    </div>
  );
}

function Reply({ turn, onRetry }: ExchangeProps) {
  if (turn.answer === "" && isOpen(turn)) return <Typing label={turn.steps.at(-1)?.detail ?? ""} />;
  return (
    <>
      <div className="bubble-text">
        <Markdown text={turn.answer} citation={() => null} />
      </div>
      {turn.error && <Trouble error={turn.error} onRetry={onRetry} />}
      {turn.status === "stopped" && <p className="text-muted">All right, I stopped.</p>}
      <From turn={turn} />
    </>
  );
}

function Typing({ label }: { label: string }) {
  return (
    <p className="flex items-center gap-1.5 py-1.5 text-muted">
      <span className="typing-dot" />
      <span className="typing-dot" />
      <span className="typing-dot" />
      <span className={label === "" ? "sr-only" : "ml-2 text-sm"}>{label === "" ? "Writing an answer" : label}</span>
    </p>
  );
}

function From({ turn }: { turn: Turn }) {
  if (turn.sources.length === 0) return null;
  return (
    <details className="mt-3 border-t border-line pt-2 text-sm text-muted">
      <summary className="cursor-pointer font-bold">
        Where this comes from ({turn.sources.length})
      </summary>
      <ul className="mt-2 space-y-2">
        {turn.sources.map((source) => (
          <li key={source.ref}>
            <span className="font-bold text-ink">{source.title}</span>: {source.excerpt}
          </li>
        ))}
      </ul>
    </details>
  );
}
