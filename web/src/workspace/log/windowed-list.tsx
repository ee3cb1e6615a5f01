// A list of thousands of rows of any height, of which only those that are seen are in the document. It follows its end until
// somebody scrolls up; then it stays where it is, whatever is added or goes.
import { type Key, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../components/button";
import styles from "./log.module.css";
import { rowAt, sliceOf, topsOf } from "./windowed";

const AT_END_PX = 24;
const BEYOND_PX = 300;

interface WindowedListProps<Row> {
  rows: readonly Row[];
  keyOf: (row: Row) => Key;
  /** What a row is about as high as, until it was measured. */
  rowPx: number;
  label: string;
  /** Said when there are no rows. */
  empty: ReactNode;
  children: (row: Row) => ReactNode;
  testId?: string;
}

export function WindowedList<Row>({
  rows,
  keyOf,
  rowPx,
  label,
  empty,
  children,
  testId,
}: WindowedListProps<Row>) {
  const { t } = useTranslation("drawer");
  const box = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<Key, number>());
  const anchor = useRef<{ key: Key; by: number }>(undefined);
  const [following, setFollowing] = useState(true);
  const [view, setView] = useState({ top: 0, height: 0 });
  const measure = useMeasuring(heights.current);

  const tops = topsOf(rows.length, (index) => {
    const row = rows[index];
    return (row !== undefined && heights.current.get(keyOf(row))) || rowPx;
  });
  const total = tops.at(-1) ?? 0;
  // Following, the end is where it will be scrolled to.
  const top = following ? Math.max(0, total - view.height) : view.top;
  const { from, to } = sliceOf(tops, top, view.height, BEYOND_PX);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    if (following) {
      element.scrollTop = element.scrollHeight;
      return;
    }
    const held = anchor.current;
    const index = held ? rows.findIndex((row) => keyOf(row) === held.key) : -1;
    if (!held || index < 0) return;
    const wanted = (tops[index] ?? 0) + held.by;
    if (Math.abs(element.scrollTop - wanted) > 1) element.scrollTop = wanted;
  });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  // What went from the list is measured anew should it come back.
  useEffect(() => {
    if (heights.current.size <= 2 * rows.length + 100) return;
    const listed = new Set(rows.map(keyOf));
    for (const key of heights.current.keys()) if (!listed.has(key)) heights.current.delete(key);
  }, [rows, keyOf]);

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    const first = rowAt(tops, scrollTop);
    const row = rows[first];
    anchor.current = row === undefined ? undefined : { key: keyOf(row), by: scrollTop - (tops[first] ?? 0) };
    setFollowing(scrollHeight - scrollTop - clientHeight < AT_END_PX);
    setView({ top: scrollTop, height: clientHeight });
  };
  return (
    <div className={styles.windowed}>
      <div
        ref={box}
        className={styles.lines}
        role="log"
        // Read aloud line by line it would drown what matters.
        aria-live="off"
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
        data-testid={testId}
      >
        {rows.length === 0 && <div className={styles.empty}>{empty}</div>}
        <div style={{ height: tops[from] ?? 0 }} />
        {rows.slice(from, to).map((row) => (
          <Measured key={keyOf(row)} name={keyOf(row)} measure={measure}>
            {children(row)}
          </Measured>
        ))}
        <div style={{ height: total - (tops[to] ?? 0) }} />
      </div>
      {!following && rows.length > 0 && (
        <span className={styles.follow}>
          <Button small onClick={() => setFollowing(true)}>
            {t("follow")}
          </Button>
        </span>
      )}
    </div>
  );
}

type Measure = (element: HTMLElement, name: Key) => () => void;

/** Writes the height of every row in the document to `heights`, and draws anew when one was not known. */
function useMeasuring(heights: Map<Key, number>): Measure {
  const [, redraw] = useState(0);
  const names = useRef(new WeakMap<Element, Key>());
  const observer = useRef<ResizeObserver>(undefined);
  useEffect(() => () => observer.current?.disconnect(), []);
  return useCallback(
    (element, name) => {
      observer.current ??= new ResizeObserver((entries) => {
        let changed = false;
        for (const entry of entries) {
          const known = names.current.get(entry.target);
          const height = entry.borderBoxSize[0]?.blockSize ?? 0;
          // Out of sight, everything is nothing high.
          if (known === undefined || height === 0 || heights.get(known) === height) continue;
          heights.set(known, height);
          changed = true;
        }
        if (changed) redraw((count) => count + 1);
      });
      const watch = observer.current;
      names.current.set(element, name);
      watch.observe(element);
      return () => watch.unobserve(element);
    },
    [heights],
  );
}

interface MeasuredProps {
  name: Key;
  measure: Measure;
  children: ReactNode;
}

function Measured({ name, measure, children }: MeasuredProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => (element.current ? measure(element.current, name) : undefined), [measure, name]);
  return <div ref={element}>{children}</div>;
}
