// The questions of this session, to jump between.
import type { Turn } from "../lib/runtime/turns";

interface OutlineProps {
  name: string;
  turns: Turn[];
  currentId: string | null;
  onSelect: (id: string) => void;
  onClear: () => void;
}

export function Outline({ name, turns, currentId, onSelect, onClear }: OutlineProps) {
  return (
    <div className="flex min-h-full flex-col p-4">
      <p className="hidden items-center gap-2 text-[0.95rem] font-semibold tracking-tight lg:flex">
        <svg viewBox="0 0 20 20" aria-hidden="true" className="size-5 text-accent" fill="currentColor">
          <path d="M2 3h7v14H2zM11 3h7v6h-7zM11 11h7v6h-7z" />
        </svg>
        {name}
      </p>
      <nav aria-labelledby="outline" className="lg:mt-7">
        <h2 id="outline" className="text-sm font-medium text-muted">
          Questions
        </h2>
        {turns.length === 0 && <p className="mt-2 text-sm text-muted">None yet. They line up here as you ask.</p>}
        <ol className="mt-2 space-y-0.5">
          {turns.map((turn) => (
            <li key={turn.id}>
              <button
                type="button"
                aria-current={turn.id === currentId ? "true" : undefined}
                onClick={() => onSelect(turn.id)}
                className="-mx-2 w-[calc(100%+1rem)] rounded-md px-2 py-1.5 text-left leading-snug hover:bg-line/50 aria-[current=true]:bg-paper aria-[current=true]:font-medium"
              >
                {turn.question}
              </button>
            </li>
          ))}
        </ol>
      </nav>
      {turns.length > 0 && (
        <button type="button" onClick={onClear} className="mt-auto self-start rounded-md pt-6 text-sm text-muted hover:text-ink">
          Clear the desk
        </button>
      )}
    </div>
  );
}
