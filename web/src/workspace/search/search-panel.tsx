// Search in all files: type, walk through the places, replace them all at once.
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SearchWish } from "../../api/search-calls";
import { Button, IconButton } from "../../components/button";
import { Notice, ProblemNotice } from "../../components/notice";
import type { DraftSync } from "../draft/draft-sync";
import type { Place } from "../site/publish-view";
import { byFile } from "./replace";
import { ReplaceBar } from "./replace-bar";
import { ResultList } from "./result-list";
import styles from "./search.module.css";
import { type SearchState, useSearch } from "./use-search";

interface SearchPanelProps {
  app: string;
  draft: DraftSync;
  version: number;
  /** Nobody searches where nobody looks. */
  shown: boolean;
  onOpen: (place: Place) => void;
  /** Shown now: the field takes the focus whenever this becomes another number. */
  focusKey: number;
}

export default function SearchPanel({ app, draft, version, shown, onOpen, focusKey }: SearchPanelProps) {
  const { t } = useTranslation("search");
  const [wish, setWish] = useState<SearchWish>({ query: "", regex: false, caseSensitive: false });
  const [replacement, setReplacement] = useState<string>();
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const search = useSearch(app, draft, wish, shown ? version : undefined);
  const list = useRef<HTMLDivElement>(null);
  const files = byFile(search.result?.matches ?? []);
  const toResults = () => list.current?.querySelector<HTMLElement>("[data-match]")?.focus();
  const toggle = (path: string) =>
    setLeft((before) => {
      const next = new Set(before);
      if (!next.delete(path)) next.add(path);
      return next;
    });

  return (
    <search className={styles.panel} aria-label={t("label")}>
      <h2 className="visually-hidden">{t("label")}</h2>
      <div className={styles.fields}>
        <div className={styles.field}>
          <IconButton
            small
            icon="chevron"
            label={replacement === undefined ? t("showReplace") : t("hideReplace")}
            aria-expanded={replacement !== undefined}
            data-testid="search-show-replace"
            onClick={() => setReplacement(replacement === undefined ? "" : undefined)}
          />
          <input
            key={focusKey}
            type="search"
            // Whoever opens the search wants to type.
            // biome-ignore lint/a11y/noAutofocus: as above
            autoFocus={focusKey > 0}
            className={styles.input}
            aria-label={t("query")}
            placeholder={t("query")}
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            value={wish.query}
            data-testid="search-query"
            onFocus={(event) => event.target.select()}
            onChange={(event) => setWish({ ...wish, query: event.target.value })}
            onKeyDown={(event) => {
              if (event.key !== "ArrowDown" && event.key !== "Enter") return;
              event.preventDefault();
              toResults();
            }}
          />
          <button
            type="button"
            className={styles.option}
            aria-pressed={wish.caseSensitive}
            aria-label={t("caseSensitive")}
            title={t("caseSensitive")}
            onClick={() => setWish({ ...wish, caseSensitive: !wish.caseSensitive })}
          >
            Aa
          </button>
          <button
            type="button"
            className={styles.option}
            aria-pressed={wish.regex}
            aria-label={t("regex")}
            title={t("regex")}
            onClick={() => setWish({ ...wish, regex: !wish.regex })}
          >
            .*
          </button>
        </div>
        {replacement !== undefined && (
          <ReplaceBar
            app={app}
            draft={draft}
            replacement={replacement}
            onReplacement={setReplacement}
            wish={wish}
            files={files.filter(({ path }) => !left.has(path))}
            pending={search.pending}
          />
        )}
      </div>
      <Summary search={search} files={files.length} query={wish.query} />
      <ResultList
        ref={list}
        files={files}
        wish={wish}
        replacement={replacement}
        left={left}
        onToggle={toggle}
        onOpen={onOpen}
      />
    </search>
  );
}

/** How the search goes, in a sentence. */
function Summary({ search, files, query }: { search: SearchState; files: number; query: string }) {
  const { t } = useTranslation(["search", "common"]);
  const { result, pending, error, again } = search;
  if (error) {
    return (
      <ProblemNotice
        flat
        error={error}
        actions={
          <Button small onClick={again}>
            {t("common:tryAgain")}
          </Button>
        }
      />
    );
  }
  return (
    <div className={styles.summary}>
      <p role="status" data-testid="search-status">
        {query === "" && t("hint")}
        {query !== "" && !result && pending && t("searching")}
        {result && result.matches.length === 0 && (
          <>
            <strong>{t("none")}.</strong> {t("noneDetail", { count: result.searched_files })}
          </>
        )}
        {result &&
          result.matches.length > 0 &&
          t("foundIn", {
            places: t("found", { count: result.matches.length }),
            files: t("files", { count: files }),
          })}
      </p>
      {result && result.skipped_files > 0 && <p>{t("skipped", { count: result.skipped_files })}</p>}
      {result?.truncated && (
        <Notice flat tone="warn" title={t("truncated", { count: result.matches.length })}>
          {null}
        </Notice>
      )}
    </div>
  );
}
