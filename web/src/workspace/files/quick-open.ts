// Finding a file by a part of its name: letters in order count, whole parts of names count more.

export interface Found {
  path: string;
  /** Where the letters are, for showing them. */
  at: readonly number[];
}

/** As many as are looked at before one types more. */
const SHOWN = 60;

/** `app.tsx:12:3` is a name, a line and a column. */
export function partsOf(typed: string): { name: string; line?: number; column?: number } {
  const match = /^(.*?)(?::(\d{1,7}))?(?::(\d{1,7}))?:?$/s.exec(typed.trim());
  const [, name = "", line, column] = match ?? [];
  return {
    name,
    ...(line !== undefined && { line: Number(line) }),
    ...(column !== undefined && { column: Number(column) }),
  };
}

/** The files whose path has the letters of `name` in order, the best first; `recent` ones come first among equals. */
export function findFiles(paths: readonly string[], name: string, recent: readonly string[]): Found[] {
  const wanted = name.toLowerCase().replaceAll(" ", "");
  const rank = (path: string) => {
    const index = recent.indexOf(path);
    return index === -1 ? recent.length : index;
  };
  const scored: { path: string; at: number[]; score: number }[] = [];
  for (const path of paths) {
    const found = wanted === "" ? { at: [], score: 0 } : scoreOf(path, wanted);
    if (found) scored.push({ path, ...found });
  }
  scored.sort(
    (a, b) =>
      b.score - a.score ||
      rank(a.path) - rank(b.path) ||
      a.path.length - b.path.length ||
      (a.path < b.path ? -1 : 1),
  );
  return scored.slice(0, SHOWN).map(({ path, at }) => ({ path, at }));
}

/** Looks in the name of the file first, then in all of its path. */
function scoreOf(path: string, wanted: string): { at: number[]; score: number } | undefined {
  const lower = path.toLowerCase();
  const nameStart = path.lastIndexOf("/") + 1;
  const inName = lettersFrom(lower, path, wanted, nameStart);
  if (inName) return { ...inName, score: inName.score + 50 };
  return lettersFrom(lower, path, wanted, 0);
}

function lettersFrom(
  lower: string,
  path: string,
  wanted: string,
  start: number,
): { at: number[]; score: number } | undefined {
  const whole = lower.indexOf(wanted, start);
  if (whole !== -1) {
    const at = Array.from(wanted, (_, index) => whole + index);
    return { at, score: 40 + (isStart(path, whole) ? 20 : 0) - (whole - start) / 100 };
  }
  const at: number[] = [];
  let score = 0;
  let from = start;
  for (const letter of wanted) {
    const index = lower.indexOf(letter, from);
    if (index === -1) return undefined;
    score += isStart(path, index) ? 3 : at.at(-1) === index - 1 ? 2 : 0;
    at.push(index);
    from = index + 1;
  }
  return { at, score };
}

/** The first letter of a part: after a separator, or a capital after a small letter. */
function isStart(path: string, index: number): boolean {
  const before = path[index - 1];
  if (before === undefined || /[/._\- ]/.test(before)) return true;
  return /[a-z]/.test(before) && /[A-Z]/.test(path[index] ?? "");
}
