// What the page in the preview says, errors that nobody caught included; kept over reloads.
import { memo, useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import { WindowedList } from "../log/windowed-list";
import type { ConsoleRow, Level } from "../preview/preview-log";
import { type Stage, usePreviewPart } from "../preview/use-stage";
import type { Places } from "../site/failure";
import { PlaceButton } from "../site/place-button";
import { placeOf } from "../site/publish-view";
import { clockOf } from "./clock";
import { type ConsoleFilter, countsByLevel, headOf, LEVELS, NO_FILTER, seenRows } from "./console-view";
import styles from "./drawer.module.css";

const ROW_PX = 26;
const keyOf = ({ key }: ConsoleRow) => key;

interface ConsoleTabProps {
  stage: Stage;
  places: Places;
}

export function ConsoleTab({ stage, places }: ConsoleTabProps) {
  const { t } = useTranslation("drawer");
  const rows = usePreviewPart(stage, (log) => log.console);
  const [filter, setFilter] = useState<ConsoleFilter>(NO_FILTER);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const wanted = useDeferredValue(filter);
  const seen = useMemo(() => seenRows(rows, wanted), [rows, wanted]);
  const toggle = (key: number) => setOpened((before) => toggled(before, key));
  return (
    <>
      <div className={styles.tools} role="toolbar" aria-label={t("console.tools")}>
        <Levels rows={rows} filter={filter} onFilter={setFilter} />
        <input
          className={styles.filter}
          type="search"
          aria-label={t("console.filter")}
          placeholder={t("console.filter")}
          value={filter.text}
          onChange={(event) => setFilter({ ...filter, text: event.target.value })}
          data-testid="console-filter"
        />
        <span className={styles.space} />
        <Button small onClick={() => stage.store.clearConsole()} data-testid="console-clear">
          {t("clear")}
        </Button>
      </div>
      <WindowedList
        rows={seen}
        keyOf={keyOf}
        rowPx={ROW_PX}
        label={t("tabs.console")}
        empty={
          rows.length > 0 ? t("console.filtered") : t(stage.isBridged ? "console.empty" : "console.silent")
        }
        testId="console"
      >
        {(row) => <Row row={row} isOpen={opened.has(row.key)} onToggle={toggle} places={places} />}
      </WindowedList>
    </>
  );
}

function toggled<Item>(items: ReadonlySet<Item>, item: Item): ReadonlySet<Item> {
  const next = new Set(items);
  if (!next.delete(item)) next.add(item);
  return next;
}

interface LevelsProps {
  rows: readonly ConsoleRow[];
  filter: ConsoleFilter;
  onFilter: (filter: ConsoleFilter) => void;
}

function Levels({ rows, filter, onFilter }: LevelsProps) {
  const { t } = useTranslation("drawer");
  const counts = useMemo(() => countsByLevel(rows), [rows]);
  return (
    <fieldset className={styles.levels} aria-label={t("console.levels")}>
      {LEVELS.map((level: Level) => (
        <button
          key={level}
          type="button"
          className={styles.level}
          data-level={level}
          aria-pressed={!filter.hidden.has(level)}
          onClick={() => onFilter({ ...filter, hidden: toggled(filter.hidden, level) })}
          data-testid={`level-${level}`}
        >
          {t(`level.${level}`)} <span className={styles.figure}>{counts[level]}</span>
        </button>
      ))}
    </fieldset>
  );
}

interface RowProps {
  row: ConsoleRow;
  isOpen: boolean;
  onToggle: (key: number) => void;
  places: Places;
}

const Row = memo(
  function Row({ row, isOpen, onToggle, places }: RowProps) {
    const { t } = useTranslation("drawer");
    const { key, kind, level, at, text, stack, place, count } = row;
    if (kind === "page") {
      return (
        <div className={styles.page}>
          <span>
            {t(text === "" ? "console.pageBegins" : "console.page", { route: text, time: clockOf(at) })}
          </span>
        </div>
      );
    }
    if (kind === "dropped") {
      return (
        <div className={styles.message} data-level="warn">
          <span className={styles.mark} />
          <span className={styles.words}>{t("console.dropped", { count: Number(text) })}</span>
        </div>
      );
    }
    const { head, more } = headOf(row);
    const known = place && placeOf(place, places.exists);
    return (
      <div className={styles.message} data-level={level} data-testid="console-row">
        <span className={styles.mark} title={t(`level.${level}`)} />
        <div className={styles.words}>
          {more ? (
            <button
              type="button"
              className={styles.opener}
              aria-expanded={isOpen}
              onClick={() => onToggle(key)}
            >
              {head}
            </button>
          ) : (
            <span>{head}</span>
          )}
          {isOpen && (
            <pre className={styles.whole}>
              {stack?.includes(text) ? stack : [text, stack].filter(Boolean).join("\n")}
            </pre>
          )}
        </div>
        {count > 1 && (
          <span className={styles.repeats} title={t("times", { count })}>
            {count}
          </span>
        )}
        {known ? (
          <PlaceButton place={known} onOpen={places.open} />
        ) : (
          <time className={styles.time}>{clockOf(at)}</time>
        )}
      </div>
    );
  },
  // `places` is another object in every render, and does the same.
  (a, b) => a.row === b.row && a.isOpen === b.isOpen,
);
