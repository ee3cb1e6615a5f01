// A line as it is typed, as the program and its arguments: quotes and backslashes as in a shell, without being one.

export type CommandLine =
  | { kind: "command"; argv: string[] }
  /** What only a shell understands: pipes, variables, wildcards. It is handed to one, for this line alone. */
  | { kind: "shell"; argv: string[] }
  | { kind: "empty" }
  | { kind: "unclosed" };

/** Outside of quotes these mean something to a shell alone. */
const SHELL = /[|&;<>()$`*?[\]{}~#!]/;

export function commandLineOf(line: string): CommandLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  let isShell = false;
  for (let index = 0; index < line.length; index++) {
    const char = line[index] ?? "";
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else if (quote === '"' && char === "\\" && '"\\$`'.includes(line[index + 1] ?? " "))
        word = `${word ?? ""}${line[++index] ?? ""}`;
      else {
        if (quote === '"' && (char === "$" || char === "`")) isShell = true;
        word = `${word ?? ""}${char}`;
      }
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (char === "\\" && index + 1 < line.length) {
      word = (word ?? "") + line[++index];
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      if (SHELL.test(char)) isShell = true;
      word = (word ?? "") + char;
    }
  }
  if (quote !== undefined) return { kind: "unclosed" };
  if (word !== undefined) words.push(word);
  if (words.length === 0) return { kind: "empty" };
  // `NAME=value command` is a shell's, too.
  if (isShell || /^[A-Za-z_]\w*=/.test(words[0] ?? ""))
    return { kind: "shell", argv: ["sh", "-c", line.trim()] };
  return { kind: "command", argv: words };
}

/** A directory does not last beyond its command: what would do nothing is not run. */
export function changesNothing(line: CommandLine): boolean {
  return line.kind === "command" && ["cd", "export", "alias", "source"].includes(line.argv[0] ?? "");
}
