// What lies between the text of a file and the text in an editor.

/** The line ending a file keeps; an editor knows `\n` only. */
export function lineEndingOf(text: string): "\n" | "\r\n" {
  const all = text.split("\n").length - 1;
  const windows = text.split("\r\n").length - 1;
  return all > 0 && windows === all ? "\r\n" : "\n";
}

export function toEditor(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

export function fromEditor(text: string, lineEnding: "\n" | "\r\n"): string {
  return lineEnding === "\n" ? text : text.replaceAll("\n", "\r\n");
}

/** The one smallest stretch of `before` to replace so that it becomes `after`; null when they are equal. */
export function replacement(
  before: string,
  after: string,
): { from: number; to: number; insert: string } | null {
  if (before === after) return null;
  const shortest = Math.min(before.length, after.length);
  let start = 0;
  while (start < shortest && before[start] === after[start]) start++;
  let end = 0;
  while (end < shortest - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}
