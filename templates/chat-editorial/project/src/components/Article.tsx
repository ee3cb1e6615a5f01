// One answer as an article: headline, byline, body with margin notes, and the notes again for narrow screens.
import type { Source } from "../lib/runtime/events";
import { isOpen, type Turn } from "../lib/runtime/turns";
import { Byline } from "./Byline";
import { Markdown } from "./Markdown";
import type { TextSize } from "./TextSizeControl";
import { Unanswered } from "./Unanswered";

const BODY_SIZES: Record<TextSize, string> = { small: "text-[1.05rem]", regular: "text-[1.2rem]", large: "text-[1.4rem]" };

interface ArticleProps {
  turn: Turn;
  textSize: TextSize;
  onRetry: () => void;
}

export function Article({ turn, textSize, onRetry }: ArticleProps) {
  const sourceOf = (ref: string) => turn.sources.find((source) => source.ref === ref);

  return (
    <article className="pt-12 md:pt-16" aria-busy={isOpen(turn)}>
      {turn.isSample && (
        <p className="mb-6 text-accent italic">Sample article, written by hand to show what an answer looks like</p>
      )}
      <h1 className="max-w-[20ch] text-4xl leading-[1.1] font-[400] tracking-tight text-balance md:text-6xl">{turn.question}</h1>
      <Byline turn={turn} />
      {turn.error && <Unanswered error={turn.error} onRetry={onRetry} />}
      <h2 className="sr-only">Article</h2>
      <div className={`article-body mt-10 max-w-[38rem] ${BODY_SIZES[textSize]}`} aria-live="polite">
        <Markdown text={turn.answer} citation={(ref) => <Footnote reference={ref} source={sourceOf(ref)} />} />
      </div>
      {turn.status === "stopped" && <p className="mt-6 text-muted italic">The article ends here: you stopped it.</p>}
      <Notes sources={turn.sources} />
    </article>
  );
}

function Footnote({ reference, source }: { reference: string; source: Source | undefined }) {
  return (
    <>
      <sup className="ml-px text-[0.65em] text-accent">{reference}</sup>
      {source && (
        <span role="note" className="margin-note">
          <span className="text-accent">{reference}</span> <SourceTitle source={source} />. {source.excerpt}
        </span>
      )}
    </>
  );
}

function Notes({ sources }: { sources: Source[] }) {
  if (sources.length === 0) return null;
  return (
    <section className="mt-12 max-w-[38rem] border-t border-line pt-4 lg:hidden" aria-labelledby="notes">
      <h2 id="notes" className="text-lg font-[560]">
        Notes
      </h2>
      <ol className="mt-3 space-y-3 leading-6 text-muted">
        {sources.map((source) => (
          <li key={source.ref}>
            <span className="text-accent">{source.ref}</span> <SourceTitle source={source} />. {source.excerpt}
          </li>
        ))}
      </ol>
    </section>
  );
}

function SourceTitle({ source }: { source: Source }) {
  if (source.url === null) return <em className="text-ink">{source.title}</em>;
  return (
    <a href={source.url} target="_blank" rel="noreferrer" className="text-ink italic">
      {source.title}
    </a>
  );
}
