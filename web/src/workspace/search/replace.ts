// Replacing what a search has found, in texts that may have changed since: exactly those places, or none of a file's.
import type { SearchMatch, SearchWish } from "../../api/search-calls";

/** The matches of one file, in the order of the file. */
export interface FileMatches {
  path: string;
  matches: readonly SearchMatch[];
}

/** By file, in the order they came in. */
export function byFile(matches: readonly SearchMatch[]): FileMatches[] {
  const groups = new Map<string, SearchMatch[]>();
  for (const match of matches) {
    const group = groups.get(match.path);
    if (group) group.push(match);
    else groups.set(match.path, [match]);
  }
  return [...groups].map(([path, found]) => ({ path, matches: found }));
}

/** A match within the part of its line that is shown; `to` may lie behind the end of what is shown. */
export function spanOf({ column, length, text, text_offset }: SearchMatch): { from: number; to: number } {
  const from = Math.max(0, column - 1 - text_offset);
  return { from, to: Math.min(text.length, from + length) };
}

/** The text that was found. Part of it may be missing when it is longer than what is shown. */
export function foundText(match: SearchMatch): string {
  const { from, to } = spanOf(match);
  return match.text.slice(from, to);
}

/** What becomes of `found`: in a pattern, `$1` and its like stand for what its groups have found. */
export function replacementOf(wish: SearchWish, found: string, replacement: string): string {
  if (!wish.regex) return replacement;
  const pattern = patternOf(wish);
  // A pattern that this browser does not read the same way is taken as a whole: nothing is guessed.
  const match = pattern?.exec(found);
  if (!pattern || match?.[0] !== found) return replacement;
  return found.replace(pattern, replacement);
}

function patternOf({ query, caseSensitive }: SearchWish): RegExp | undefined {
  try {
    return new RegExp(query, caseSensitive ? "u" : "iu");
  } catch {
    return undefined;
  }
}

/** `text` with the places replaced; null when it is not the text that was searched any more. */
export function replaceIn(
  text: string,
  matches: readonly SearchMatch[],
  replace: (found: string) => string,
): string | null {
  const starts = lineStarts(text);
  const parts: string[] = [];
  let end = 0;
  for (const match of matches) {
    const from = (starts[match.line - 1] ?? Number.POSITIVE_INFINITY) + match.column - 1;
    const found = text.slice(from, from + match.length);
    if (from < end || found.length !== match.length || !found.startsWith(foundText(match))) return null;
    parts.push(text.slice(end, from), replace(found));
    end = from + match.length;
  }
  return parts.join("") + text.slice(end);
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
