// The sources of the chosen question.
import type { Source } from "../lib/runtime/events";

interface SourceListProps {
  sources: Source[];
  openRef: string | null;
  onOpen: (ref: string) => void;
}

export function SourceList({ sources, openRef, onOpen }: SourceListProps) {
  return (
    <div className="p-4">
      <h2 className="flex justify-between text-sm font-medium text-muted">
        Sources <span className="tabular-nums">{sources.length}</span>
      </h2>
      {sources.length === 0 && (
        <p className="mt-2 text-sm text-muted">What an answer rests on is listed here, in the order it is cited.</p>
      )}
      <ol className="mt-3 space-y-2">
        {sources.map((source) => (
          <li key={source.ref}>
            <button
              type="button"
              aria-current={source.ref === openRef ? "true" : undefined}
              onClick={() => onOpen(source.ref)}
              className="w-full rounded-md border border-transparent bg-paper p-3 text-left hover:border-line aria-[current=true]:border-accent"
            >
              <span className="flex gap-2 leading-snug font-medium">
                <span className="text-accent tabular-nums">{source.ref}</span>
                {source.title}
              </span>
              <span className="mt-1 line-clamp-2 text-sm leading-5 text-muted">{source.excerpt}</span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
