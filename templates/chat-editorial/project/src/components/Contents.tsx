// Everything asked since the front page, to go back to.
import type { Turn } from "../lib/runtime/turns";

interface ContentsProps {
  turns: Turn[];
  openId: string;
  onOpen: (id: string) => void;
}

export function Contents({ turns, openId, onOpen }: ContentsProps) {
  if (turns.length < 2) return null;
  return (
    <nav className="mt-20 max-w-[38rem]" aria-labelledby="contents">
      <h2 id="contents" className="border-b border-line pb-2 text-lg font-[560]">
        In this issue
      </h2>
      <ol>
        {turns.map((turn, index) => (
          <li key={turn.id} className="border-b border-line">
            <button
              type="button"
              aria-current={turn.id === openId ? "page" : undefined}
              onClick={() => {
                onOpen(turn.id);
                window.scrollTo({ top: 0 });
              }}
              className="flex w-full gap-4 py-3 text-left text-lg aria-[current=page]:text-accent"
            >
              <span className="w-6 shrink-0 text-muted tabular-nums">{index + 1}</span>
              {turn.question}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
