// What the terminal shows: the commands, what they printed line by line, and how each ended. Pure.
import type { Exit, Output } from "./run-command";

/** More lines than anybody reads; the oldest go. */
export const MAX_ROWS = 5_000;
/** Of one line: a program that never ends its line would hold up the page. */
const MAX_LINE = 8_000;

export type TerminalRow =
  | { key: number; kind: "command"; text: string; isShell: boolean }
  | { key: number; kind: "stdout" | "stderr"; text: string; isOpen: boolean }
  | { key: number; kind: "exit"; exit: Exit }
  | { key: number; kind: "fault"; title: string; detail: string }
  | { key: number; kind: "stopped" | "unclosed" | "nothing" };

type NewRow = TerminalRow extends infer Row ? (Row extends TerminalRow ? Omit<Row, "key"> : never) : never;

export interface TerminalLog {
  rows: readonly TerminalRow[];
  nextKey: number;
}

export const EMPTY_TERMINAL: TerminalLog = { rows: [], nextKey: 0 };

export function withRow({ rows, nextKey }: TerminalLog, row: NewRow): TerminalLog {
  const added = { ...row, key: nextKey } as TerminalRow;
  return { rows: [...rows, added].slice(-MAX_ROWS), nextKey: nextKey + 1 };
}

/** Adds what was printed. A line that is not ended yet is continued by what its stream prints next. */
export function withOutput(log: TerminalLog, outputs: readonly Output[]): TerminalLog {
  const rows = [...log.rows];
  let { nextKey } = log;
  for (const { stream, text } of outputs) {
    const lines = text.split("\n");
    // What follows the last line end is the beginning of a line, and nothing when the text ends with one.
    const tail = lines.pop() ?? "";
    for (const line of lines) nextKey = print(rows, nextKey, stream, line, false);
    if (tail !== "") nextKey = print(rows, nextKey, stream, tail, true);
  }
  return { rows: rows.slice(-MAX_ROWS), nextKey };
}

function print(
  rows: TerminalRow[],
  nextKey: number,
  kind: Output["stream"],
  text: string,
  isOpen: boolean,
): number {
  const last = rows.at(-1);
  if (last?.kind === kind && last.isOpen) {
    rows[rows.length - 1] = { ...last, text: cut(last.text + text), isOpen };
    return nextKey;
  }
  rows.push({ key: nextKey, kind, text: cut(text), isOpen });
  return nextKey + 1;
}

/** The end of a line counts where it is written over again and again. */
function cut(text: string): string {
  if (text.length <= MAX_LINE) return text;
  return text.includes("\r") ? text.slice(-MAX_LINE) : text.slice(0, MAX_LINE);
}

/** The line before or after the one at `index` in what was typed; `count` is the empty line after all of them. */
export function historyStep(count: number, index: number, step: -1 | 1): number {
  return Math.min(count, Math.max(0, index + step));
}

/** The history with a line at its end; the same one twice in a row stands once. */
export function withLine(history: readonly string[], line: string, most: number): readonly string[] {
  return history.at(-1) === line ? history : [...history, line].slice(-most);
}
