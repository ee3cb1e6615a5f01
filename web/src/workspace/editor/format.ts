// Formatting a file: which parser it needs, and a worker that does it beside the page, so that nobody waits while typing.
export const PARSERS = [
  "babel",
  "typescript",
  "css",
  "scss",
  "less",
  "json",
  "html",
  "vue",
  "markdown",
  "mdx",
  "yaml",
] as const;
export type Parser = (typeof PARSERS)[number];

const BY_EXTENSION: Record<string, Parser> = {
  js: "babel",
  mjs: "babel",
  cjs: "babel",
  jsx: "babel",
  ts: "typescript",
  mts: "typescript",
  cts: "typescript",
  tsx: "typescript",
  css: "css",
  scss: "scss",
  less: "less",
  json: "json",
  jsonc: "json",
  webmanifest: "json",
  html: "html",
  htm: "html",
  vue: "vue",
  md: "markdown",
  mdx: "mdx",
  yml: "yaml",
  yaml: "yaml",
};

/** The parser for the file at `path`; undefined when there is none for its kind. */
export function parserOf(path: string): Parser | undefined {
  return BY_EXTENSION[path.slice(path.lastIndexOf(".") + 1).toLowerCase()];
}

export interface FormatRequest {
  id: number;
  path: string;
  parser: Parser;
  text: string;
  cursor: number;
}

export type FormatAnswer =
  | { id: number; text: string; cursor: number }
  /** The text cannot be read; `reason` is the parser's own first line. */
  | { id: number; reason: string };

export class FormatError extends Error {}

let worker: Worker | undefined;
let requests = 0;
const waiting = new Map<number, (answer: FormatAnswer) => void>();

/** The text as it should look, and where the cursor is in it. Rejects with `FormatError` when the text cannot be read. */
export async function formatText(
  path: string,
  parser: Parser,
  text: string,
  cursor: number,
): Promise<{ text: string; cursor: number }> {
  worker ??= startWorker();
  const id = ++requests;
  const answer = await new Promise<FormatAnswer>((resolve) => {
    waiting.set(id, resolve);
    worker?.postMessage({ id, path, parser, text, cursor } satisfies FormatRequest);
  });
  if ("reason" in answer) throw new FormatError(answer.reason);
  return answer;
}

function startWorker(): Worker {
  const started = new Worker(new URL("./format-worker.ts", import.meta.url), { type: "module" });
  started.onmessage = ({ data }: MessageEvent<FormatAnswer>) => {
    waiting.get(data.id)?.(data);
    waiting.delete(data.id);
  };
  started.onerror = ({ message }) => {
    // It could not be loaded, or fell over; the next wish starts another.
    worker = undefined;
    for (const [id, answer] of waiting) answer({ id, reason: message });
    waiting.clear();
  };
  return started;
}
