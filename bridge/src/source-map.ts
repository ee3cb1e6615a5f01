// Source maps (ECMA-426), as far as positions need them.

/** A map in a form that answers. */
export interface SourceMap {
  sources: string[];
  /** The files as written, by source; may be missing. */
  contents: (string | null)[];
  mappings: string;
  /** Of each generated line: generated column, source, line, column; filled when it is asked for. */
  lines?: number[][][];
}

export interface MappedPosition {
  source: number;
  /** From 1. */
  line: number;
  column: number;
}

interface RawMap {
  sources?: unknown;
  sourcesContent?: unknown;
  sourceRoot?: unknown;
  mappings?: unknown;
}

/** Reads what `JSON.parse` has made of a map; maps of sections are not read. */
export function readSourceMap(raw: RawMap): SourceMap | undefined {
  if (!Array.isArray(raw.sources) || typeof raw.mappings !== "string") return undefined;
  const root =
    typeof raw.sourceRoot === "string" && raw.sourceRoot !== "" ? raw.sourceRoot.replace(/\/?$/, "/") : "";
  const contents = Array.isArray(raw.sourcesContent) ? raw.sourcesContent : [];
  return { sources: raw.sources.map((source) => `${root}${source}`), contents, mappings: raw.mappings };
}

/** Where a generated position was written. `line` and `column` are 1-based, as in stacks. */
export function originalPosition(map: SourceMap, line: number, column: number): MappedPosition | undefined {
  map.lines ??= decode(map.mappings);
  const segments = map.lines[line - 1] ?? [];
  let found: number[] | undefined;
  for (const segment of segments) {
    if ((segment[0] ?? 0) > column - 1 && found) break;
    if (segment.length > 1) found = segment;
  }
  if (!found) return undefined;
  const [, source = 0, sourceLine = 0, sourceColumn = 0] = found;
  return { source, line: sourceLine + 1, column: sourceColumn + 1 };
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The segments of every line; columns begin anew with each, the rest goes on from segment to segment. */
function decode(mappings: string): number[][][] {
  const state = [0, 0, 0, 0, 0];
  return mappings.split(";").map((line) => {
    state[0] = 0;
    if (line === "") return [];
    return line.split(",").map((segment) =>
      deltas(segment).map((delta, field) => {
        const value = (state[field] ?? 0) + delta;
        state[field] = value;
        return value;
      }),
    );
  });
}

/** Base 64 VLQ: five bits a digit, the sixth says that more follow, the lowest bit of all is the sign. */
function deltas(segment: string): number[] {
  const values: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) << shift;
    if (bits & 32) {
      shift += 5;
    } else {
      values.push(value & 1 ? -(value >> 1) : value >> 1);
      value = 0;
      shift = 0;
    }
  }
  return values;
}

/** Where a line of an old text is in a new one; `undefined` when it was changed itself. Lines are 1-based. */
export function followLine(before: string, after: string, line: number): number | undefined {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) head += 1;
  if (line <= head) return line;
  let tail = 0;
  const most = Math.min(old.length, fresh.length) - head;
  while (tail < most && old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]) tail += 1;
  if (line > old.length - tail) return line + fresh.length - old.length;
  // Within what was changed: the nearest line that reads the same.
  const text = old[line - 1];
  const same = fresh.flatMap((candidate, index) => (candidate === text ? [index + 1] : []));
  return same.sort((a, b) => Math.abs(a - line) - Math.abs(b - line))[0];
}
