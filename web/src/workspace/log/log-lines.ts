// The lines of a log as they arrive: in order, each once, not endlessly many.

export const MAX_LINES = 2_000;

/** Adds what arrived; a replay after a reconnect brings lines again, which are left out. */
export function appendLines<Line extends { seq: number }>(
  lines: readonly Line[],
  arrived: readonly Line[],
): readonly Line[] {
  let last = lines.at(-1)?.seq ?? -1;
  const fresh: Line[] = [];
  for (const line of arrived) {
    if (line.seq <= last) continue;
    last = line.seq;
    fresh.push(line);
  }
  if (fresh.length === 0) return lines;
  return [...lines, ...fresh].slice(-MAX_LINES);
}

const ESC = "\\u001b";
const BEL = "\\u0007";
/** Control sequences, operating system commands, two-character escapes, carriage returns. */
const ESCAPES = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)|[@-Z\\\\-_])|\\r`,
  "g",
);

/** A terminal's colours and cursor moves mean nothing here. */
export function withoutEscapes(text: string): string {
  return text.replace(ESCAPES, "");
}
