// A command as people write it, and as the list of words that a process is given.

/** The words of a command; quotes hold words together. */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g))
    words.push(double ?? single ?? plain ?? "");
  return words;
}

/** The command that has these words. */
export function commandOf(words: readonly string[] | undefined): string {
  return (words ?? []).map((word) => (/^[^\s"']+$/.test(word) ? word : quoted(word))).join(" ");
}

function quoted(word: string): string {
  return word.includes('"') ? `'${word}'` : `"${word}"`;
}
