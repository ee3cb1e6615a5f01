// Formats text with Prettier, loading only what the language needs.
import type { Plugin } from "prettier";
import { formatWithCursor } from "prettier/standalone";
import type { FormatAnswer, FormatRequest, Parser } from "./format";

type Loader = () => Promise<Plugin[]>;

const estree = async () => (await import("prettier/plugins/estree")) as unknown as Plugin;
const babel: Loader = async () => [await import("prettier/plugins/babel"), await estree()];
const typescript: Loader = async () => [await import("prettier/plugins/typescript"), await estree()];
const postcss: Loader = async () => [await import("prettier/plugins/postcss")];
const yaml: Loader = async () => [await import("prettier/plugins/yaml")];
// Markup and prose have the other languages in them.
const html: Loader = async () => [
  await import("prettier/plugins/html"),
  ...(await babel()),
  await import("prettier/plugins/typescript"),
  ...(await postcss()),
];
const markdown: Loader = async () => [await import("prettier/plugins/markdown"), ...(await yaml())];

const PLUGINS: Record<Parser, Loader> = {
  babel,
  typescript,
  css: postcss,
  scss: postcss,
  less: postcss,
  json: babel,
  html,
  vue: html,
  markdown,
  mdx: markdown,
  yaml,
};

async function format({ id, path, parser, text, cursor }: FormatRequest): Promise<FormatAnswer> {
  try {
    const plugins = await PLUGINS[parser]();
    const { formatted, cursorOffset } = await formatWithCursor(text, {
      parser,
      plugins,
      filepath: path,
      cursorOffset: cursor,
    });
    return { id, text: formatted, cursor: cursorOffset };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, reason: message.split("\n")[0] ?? message };
  }
}

addEventListener("message", ({ data }: MessageEvent<FormatRequest>) => {
  void format(data).then((answer) => postMessage(answer));
});
