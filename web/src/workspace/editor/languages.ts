// Which language a file is in; each is loaded when first needed.
import type { Extension } from "@codemirror/state";

type Loader = () => Promise<Extension>;

const script =
  (options: { jsx?: boolean; typescript?: boolean }): Loader =>
  async () =>
    (await import("@codemirror/lang-javascript")).javascript(options);
const css: Loader = async () => (await import("@codemirror/lang-css")).css();
const json: Loader = async () => (await import("@codemirror/lang-json")).json();
const markdown: Loader = async () => (await import("@codemirror/lang-markdown")).markdown();
const html: Loader = async () => (await import("@codemirror/lang-html")).html();
// Single-file components are close enough to HTML: markup, scripts and styles are told apart.
const component: Loader = async () =>
  (await import("@codemirror/lang-html")).html({ selfClosingTags: true, matchClosingTags: false });

const LOADERS: Record<string, Loader> = {
  js: script({ jsx: true }),
  mjs: script({}),
  cjs: script({}),
  jsx: script({ jsx: true }),
  ts: script({ typescript: true }),
  mts: script({ typescript: true }),
  cts: script({ typescript: true }),
  tsx: script({ jsx: true, typescript: true }),
  css,
  scss: css,
  less: css,
  json,
  jsonc: json,
  webmanifest: json,
  md: markdown,
  mdx: markdown,
  html,
  htm: html,
  svg: html,
  xml: html,
  vue: component,
  svelte: component,
  astro: component,
};

/** The language of the file at `path`; nothing for plain text. */
export async function languageOf(path: string): Promise<Extension> {
  const extension = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return (await LOADERS[extension]?.()) ?? [];
}
