// One question and everything that came back for it.
import { useState } from "react";
import { isOpen, type Turn } from "../lib/runtime/turns";
import { Icon } from "./Icon";
import { Markdown } from "./Markdown";
import { Problem } from "./Problem";
import { Reasoning } from "./Reasoning";
import { Sources } from "./Sources";

interface ExchangeProps {
  turn: Turn;
  onRetry: () => void;
}

export function Exchange({ turn, onRetry }: ExchangeProps) {
  return (
    <article aria-busy={isOpen(turn)}>
      {turn.isSample && (
        <p className="mb-4 inline-block rounded-full border border-line px-3 py-1 text-xs font-medium text-muted">
          Sample conversation: written by hand, not by a model
        </p>
      )}
      <h2 className="text-2xl leading-snug font-semibold tracking-tight text-balance">{turn.question}</h2>
      <Reasoning steps={turn.steps} isOpen={isOpen(turn)} />
      {turn.status === "waiting" && <p className="mt-5 animate-pulse text-muted">Waiting for the first word…</p>}
      {turn.answer !== "" && (
        <div className="answer mt-5">
          <Markdown text={turn.answer} citation={(ref) => <Citation turnId={turn.id} reference={ref} />} />
        </div>
      )}
      {turn.status === "stopped" && <p className="mt-4 text-sm text-muted">You stopped this answer.</p>}
      {turn.error && <Problem error={turn.error} onRetry={onRetry} />}
      <Sources turnId={turn.id} sources={turn.sources} />
      {turn.status === "done" && <CopyButton text={turn.answer} />}
    </article>
  );
}

function Citation({ turnId, reference }: { turnId: string; reference: string }) {
  return (
    <sup>
      <a href={`#${turnId}-source-${reference}`} className="px-0.5 font-medium no-underline!" aria-label={`Source ${reference}`}>
        {reference}
      </a>
    </sup>
  );
}

function CopyButton({ text }: { text: string }) {
  const [isCopied, setIsCopied] = useState(false);

  async function copy() {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
  }

  return (
    <button type="button" onClick={copy} className="mt-5 flex items-center gap-2 rounded-md text-sm text-muted hover:text-ink">
      <Icon name={isCopied ? "check" : "copy"} className="size-4" />
      {isCopied ? "Copied" : "Copy answer"}
    </button>
  );
}
