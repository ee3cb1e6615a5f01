// Which rows of the console are seen, and how much of each.
import type { ConsoleRow, Level } from "../preview/preview-log";

export const LEVELS: readonly Level[] = ["error", "warn", "info", "debug"];
/** What fits a line or two; more is opened. */
const SHORT = 240;

export interface ConsoleFilter {
  /** Levels that are not shown. */
  hidden: ReadonlySet<Level>;
  text: string;
}

export const NO_FILTER: ConsoleFilter = { hidden: new Set(), text: "" };

export function seenRows(
  rows: readonly ConsoleRow[],
  { hidden, text }: ConsoleFilter,
): readonly ConsoleRow[] {
  const wanted = text.trim().toLowerCase();
  if (hidden.size === 0 && wanted === "") return rows;
  return rows.filter((row) => {
    // Where one page ends and the next begins is of no level.
    if (row.kind === "page") return wanted === "";
    if (hidden.has(row.level)) return false;
    return wanted === "" || `${row.text} ${row.place?.path ?? ""}`.toLowerCase().includes(wanted);
  });
}

export function countsByLevel(rows: readonly ConsoleRow[]): Record<Level, number> {
  const counts = { error: 0, warn: 0, info: 0, debug: 0 };
  for (const { kind, level, count } of rows)
    if (kind === "message" || kind === "error") counts[level] += count;
  return counts;
}

/** The head of a row, and whether there is more to open. */
export function headOf({ text, stack }: Pick<ConsoleRow, "text" | "stack">): { head: string; more: boolean } {
  const line = text.indexOf("\n");
  const first = line < 0 ? text : text.slice(0, line);
  const head = first.length > SHORT ? `${first.slice(0, SHORT)}…` : first;
  return { head, more: stack !== undefined || head !== text };
}
