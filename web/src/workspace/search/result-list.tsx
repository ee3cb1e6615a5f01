// The places a search has found, by file; arrows walk through them, Enter opens one.
import { type KeyboardEvent, memo, type Ref } from "react";
import { useTranslation } from "react-i18next";
import type { SearchMatch, SearchWish } from "../../api/search-calls";
import { Icon } from "../../components/icon";
import type { Place } from "../site/publish-view";
import { type FileMatches, replacementOf, spanOf } from "./replace";
import styles from "./search.module.css";

/** What is before the match may be long; the match itself has to be seen. */
const LEAD_CHARS = 14;

interface ResultListProps {
  ref: Ref<HTMLDivElement>;
  files: readonly FileMatches[];
  wish: SearchWish;
  /** Undefined: nothing is to be replaced. */
  replacement: string | undefined;
  /** Files that are left as they are. */
  left: ReadonlySet<string>;
  onToggle: (path: string) => void;
  onOpen: (place: Place) => void;
}

export function ResultList({ ref, files, wish, replacement, left, onToggle, onOpen }: ResultListProps) {
  const { t } = useTranslation("search");
  if (files.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: moves the focus between the buttons in it
    <div ref={ref} className={styles.results} onKeyDown={walk} data-testid="search-results">
      {files.map(({ path, matches }) => (
        <section key={path} aria-label={path} className={styles.file}>
          <h3 className={styles.path} title={path}>
            {replacement !== undefined && (
              <input
                type="checkbox"
                aria-label={t("include", { path })}
                checked={!left.has(path)}
                onChange={() => onToggle(path)}
              />
            )}
            <Icon name="file" />
            <span className={styles.fileName}>{path.slice(path.lastIndexOf("/") + 1)}</span>
            <span className={styles.folder}>{path.slice(0, Math.max(0, path.lastIndexOf("/")))}</span>
            <span className={styles.count}>{matches.length}</span>
          </h3>
          <ul>
            {matches.map((match) => (
              <li key={`${match.line}:${match.column}`}>
                <MatchButton
                  match={match}
                  wish={wish}
                  replacement={left.has(path) ? undefined : replacement}
                  onOpen={onOpen}
                />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

interface MatchButtonProps {
  match: SearchMatch;
  wish: SearchWish;
  replacement: string | undefined;
  onOpen: (place: Place) => void;
}

const MatchButton = memo(function MatchButton({ match, wish, replacement, onOpen }: MatchButtonProps) {
  const { path, line, column, text } = match;
  const { from, to } = spanOf(match);
  const found = text.slice(from, to);
  const start = text.slice(0, from).trimStart();
  const lead = start.length > LEAD_CHARS ? `…${start.slice(-LEAD_CHARS)}` : start;
  return (
    <button
      type="button"
      className={styles.match}
      data-match
      title={`${path}:${line}:${column}`}
      onClick={() => onOpen({ path, line, column })}
    >
      <span className={styles.line}>{line}</span>
      <code>
        {lead}
        {replacement === undefined ? (
          <mark>{found}</mark>
        ) : (
          <>
            <del>{found}</del>
            <ins>{replacementOf(wish, found, replacement)}</ins>
          </>
        )}
        {text.slice(to)}
      </code>
    </button>
  );
});

function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined && event.key !== "Home" && event.key !== "End") return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-match]")];
  const index = all.indexOf(event.target as HTMLElement);
  if (index === -1) return;
  event.preventDefault();
  const next = { Home: 0, End: all.length - 1 }[event.key] ?? index + (step ?? 0);
  all[Math.min(all.length - 1, Math.max(0, next))]?.focus();
}
