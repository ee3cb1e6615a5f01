// Where an answer comes from. The ids are what its citation marks point at.
import type { Source } from "../lib/runtime/events";

interface SourcesProps {
  turnId: string;
  sources: Source[];
}

export function Sources({ turnId, sources }: SourcesProps) {
  if (sources.length === 0) return null;
  return (
    <section className="mt-7" aria-label="Sources">
      <h3 className="text-sm font-medium text-muted">Sources</h3>
      <ol className="mt-3 grid gap-3 sm:grid-cols-2">
        {sources.map((source) => (
          <li
            key={source.ref}
            id={`${turnId}-source-${source.ref}`}
            className="rounded-xl border border-line p-4 target:border-accent"
          >
            <p className="flex gap-2 text-sm font-medium">
              <span className="text-accent tabular-nums">{source.ref}</span>
              <SourceTitle source={source} />
            </p>
            <p className="mt-1.5 line-clamp-3 text-sm leading-6 text-muted">{source.excerpt}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function SourceTitle({ source }: { source: Source }) {
  if (source.url === null) return <span>{source.title}</span>;
  return (
    <a href={source.url} target="_blank" rel="noreferrer" className="underline underline-offset-4">
      {source.title}
    </a>
  );
}
