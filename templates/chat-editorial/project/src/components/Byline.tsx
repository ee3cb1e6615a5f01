// Under the headline: how far the article is, or how long it takes to read; and how it came about.
import { readingMinutes } from "../lib/reading-time";
import type { Turn } from "../lib/runtime/turns";

export function Byline({ turn }: { turn: Turn }) {
  const current = turn.steps.findLast((step) => step.status === "active");

  return (
    <div className="mt-6 text-lg text-muted italic">
      {turn.status === "waiting" && <p>Waiting for the first line…</p>}
      {turn.status === "streaming" && <p>{current ? `${current.label}…` : "Being written…"}</p>}
      {turn.status === "done" && <p>{finishedLine(turn)}</p>}
      {turn.status === "done" && turn.steps.length > 0 && (
        <details className="mt-1">
          <summary className="cursor-pointer">How this was written</summary>
          <ol className="mt-2 max-w-[38rem] list-decimal space-y-1 pl-5 text-base not-italic">
            {turn.steps.map((step) => (
              <li key={step.id}>
                {step.label}
                {step.detail && `: ${step.detail}`}
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}

function finishedLine(turn: Turn): string {
  const minutes = readingMinutes(turn.answer);
  const reading = minutes === 1 ? "One minute to read" : `${minutes} minutes to read`;
  if (turn.sources.length === 0) return `${reading}, no sources`;
  return `${reading}, ${turn.sources.length} ${turn.sources.length === 1 ? "source" : "sources"}`;
}
