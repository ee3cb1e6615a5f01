// What makes two faults the same one, although a number, an address or a line in it differs.

/** Enough to tell messages apart; more is repetition. */
const MAX_LENGTH = 300;

/** `message` without what changes from one time to the next. */
export function withoutParticulars(message: string): string {
  return message
    .slice(0, MAX_LENGTH * 2)
    .replace(/\bhttps?:\/\/[^\s"'`)<>]+/g, (url) => url.replace(/[?#].*$/, ""))
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "#")
    .replace(/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi, "#")
    .replace(/\d+/g, "#")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MAX_LENGTH);
}

/** Equal for what a person would call the same fault. The line is left out: every edit above moves it. */
export function fingerprintOf(kind: string, message: string, file?: string): string {
  return [kind, file ?? "", withoutParticulars(message)].join("\n");
}
