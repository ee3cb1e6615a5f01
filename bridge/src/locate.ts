// From the addresses that a browser runs to the files that a person has written.
import type { SourcePosition } from "../../sdk/client/src/bridge";
import { fetchNatively } from "./native";
import { OURS, settings } from "./settings";
import { followLine, originalPosition, readSourceMap, type SourceMap } from "./source-map";
import { type Frame, framesOf } from "./stack";

/** Modules that are kept. */
const MAX_MODULES = 200;

/** What the dev server sends besides the project. */
const NOT_THE_PROJECTS = /\/node_modules\/|^\/@(vite|id|react-refresh|vite-plugin)|^\/__/;

/** A module as it was sent, and its map where it has one. */
interface Module {
  text: string;
  map?: SourceMap | undefined;
}

const modules = new Map<string, Promise<Module | undefined>>();
const positions = new Map<string, Promise<SourcePosition | undefined>>();

/** When each module was last replaced, by its path. */
const updates = new Map<string, number>();

/** The dev server has replaced a module while the page ran. */
export function wasUpdated(path: string, timestamp: number): void {
  updates.set(path, timestamp);
}

/** The first of the project's own places in a stack. */
export async function locate(stack: unknown): Promise<SourcePosition | undefined> {
  for (const frame of framesOf(stack)) {
    if (!isTheProjects(frame.url)) continue;
    const found = await original(frame);
    if (found) return found;
  }
  return undefined;
}

/** The same, where it stands now: the module may have been replaced since the stack was written. */
export async function locateNow(stack: unknown): Promise<(SourcePosition & { exact: boolean }) | undefined> {
  for (const frame of framesOf(stack)) {
    if (!isTheProjects(frame.url)) continue;
    const found = await original(frame);
    if (found) return followed(frame, found);
  }
  return undefined;
}

async function followed(frame: Frame, found: SourcePosition): Promise<SourcePosition & { exact: boolean }> {
  const url = new URL(frame.url);
  const timestamp = updates.get(url.pathname);
  if (timestamp === undefined || url.searchParams.get("t") === String(timestamp))
    return { ...found, exact: true };
  const before = contentOf(await moduleOf(frame.url), frame.url, found.file);
  url.searchParams.set("t", String(timestamp));
  const after = contentOf(await moduleOf(url.href), url.href, found.file);
  if (before === undefined || after === undefined) return { ...found, exact: false };
  const line = followLine(before, after, found.line);
  return { ...found, line: line ?? found.line, exact: line !== undefined };
}

/**
 * Where an element was written whose call in the module says `lineNumber: line, columnNumber: column`. What a JSX transform
 * writes there are positions in what it was given, and another plugin may have put lines before that: the call itself has
 * its place in the module's map.
 */
export async function locateJsx(
  file: string,
  line: number,
  column: number,
): Promise<SourcePosition | undefined> {
  const url = new URL(`${base()}${file}`, location.origin);
  const timestamp = updates.get(url.pathname);
  if (timestamp !== undefined) url.searchParams.set("t", String(timestamp));
  const text = (await moduleOf(url.href))?.text ?? "";
  const literal = new RegExp(`lineNumber: ?${line},\\s*columnNumber: ?${column}\\b`).exec(text);
  const at = literal ? callAround(text, literal.index) : -1;
  if (at < 0) return undefined;
  const before = text.slice(0, at).split("\n");
  return original({ url: url.href, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 });
}

/** Where the call begins whose arguments a place is among: the second bracket that is open there. */
function callAround(text: string, place: number): number {
  let open = 0;
  for (let at = place; at > 0; at -= 1) {
    const char = text[at] ?? "";
    if (`"'\``.includes(char)) {
      do at = text.lastIndexOf(char, at - 1);
      while (at > 0 && text[at - 1] === "\\");
    } else if (")}]".includes(char)) {
      open -= 1;
    } else if ("({[".includes(char)) {
      open += 1;
      // The object that says the line, and the call it is given to.
      if (open === 2) return at - (/[\w$.]*$/.exec(text.slice(Math.max(0, at - 80), at))?.[0].length ?? 0);
    }
  }
  return -1;
}

function contentOf(module: Module | undefined, url: string, file: string): string | undefined {
  const map = module?.map;
  const at = map?.sources.findIndex((source) => fileOfSource(source, url) === file) ?? -1;
  return map?.contents[at] ?? undefined;
}

function isTheProjects(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, pathname } = new URL(address);
  return origin === location.origin && !pathname.startsWith(OURS) && !NOT_THE_PROJECTS.test(pathname);
}

function original(frame: Frame): Promise<SourcePosition | undefined> {
  const key = `${frame.url}:${frame.line}:${frame.column}`;
  let found = positions.get(key);
  if (!found) {
    if (positions.size > MAX_MODULES * 10) positions.clear();
    found = find(frame);
    positions.set(key, found);
  }
  return found;
}

async function find({ url, line, column }: Frame): Promise<SourcePosition | undefined> {
  const map = (await moduleOf(url))?.map;
  if (!map) {
    const file = unmappedFile(url);
    return file === undefined ? undefined : { file, line, column };
  }
  const found = originalPosition(map, line, column);
  const file = found && fileOfSource(map.sources[found.source] ?? "", url);
  return file === undefined || !found ? undefined : { file, line: found.line, column: found.column };
}

function moduleOf(url: string): Promise<Module | undefined> {
  let found = modules.get(url);
  if (!found) {
    if (modules.size >= MAX_MODULES) modules.clear();
    found = fetchModule(url).catch(() => undefined);
    modules.set(url, found);
  }
  return found;
}

async function fetchModule(url: string): Promise<Module | undefined> {
  // What ran, not what would be sent now: the browser has it still.
  const answer = await fetchNatively(url, { cache: "force-cache" });
  if (!answer.ok || !(answer.headers.get("content-type") ?? "").includes("javascript")) return undefined;
  const text = await answer.text();
  const at = text.lastIndexOf("//# sourceMappingURL=");
  if (at < 0) return { text };
  const address =
    text
      .slice(at)
      .split(/[\n\r]/)[0]
      ?.slice("//# sourceMappingURL=".length)
      .trim() ?? "";
  const map = await fetchNatively(new URL(address, url));
  return { text, map: readSourceMap(await map.json()) };
}

/** The project's path of a map's source, which is relative to its module or a path in the sandbox. */
function fileOfSource(source: string, url: string): string | undefined {
  if (source === "" || source.includes("\0")) return undefined;
  return projectFile(source.startsWith(`${settings.project}/`) ? source : new URL(source, url).pathname);
}

/** What is sent as it is written: scripts, and pages of dev servers that add no lines to them. */
function unmappedFile(url: string): string | undefined {
  const { pathname } = new URL(url);
  if (/\.[cm]?js$/.test(pathname)) return projectFile(pathname);
  if (viteClient()) return undefined;
  if (pathname.endsWith("/")) return projectFile(`${pathname}index.html`);
  return pathname.endsWith(".html") ? projectFile(pathname) : undefined;
}

/** A path of the dev server, or one in the sandbox, as one of the project; nothing for what is a package's. */
export function projectFile(path: string): string | undefined {
  let file = path.split(/[?#]/)[0] ?? "";
  try {
    file = decodeURIComponent(file);
  } catch {
    // A path that was never encoded.
  }
  file = file.replace(/^\/@fs(?=\/)/, "");
  const at = file.indexOf(`${settings.project}/`);
  if (at >= 0) file = file.slice(at + settings.project.length);
  else if (file.startsWith(base())) file = file.slice(base().length);
  file = file.replace(/^\/+/, "");
  return file === "" || file.includes("node_modules/") ? undefined : file;
}

/** The script of Vite's client, where there is one. */
export function viteClient(): HTMLScriptElement | null {
  return document.querySelector<HTMLScriptElement>('script[src$="/@vite/client"]');
}

/** The path that Vite serves the project under. */
function base(): string {
  const client = viteClient();
  return client ? new URL(client.src).pathname.replace(/@vite\/client$/, "") : "/";
}
