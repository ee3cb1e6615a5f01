// From an element on the page to the place in the project that it was written at, by what frameworks leave behind while
// they are developed with.
import { cut } from "./inspect";
import { locateJsx, locateNow, projectFile } from "./locate";
import { fetchNatively } from "./native";

export interface Written {
  file?: string;
  line?: number;
  column?: number;
  /** False when the line is a guess within the file, or the place is that of an element around this one. */
  exact?: boolean;
  component?: string;
}

/** Elements around that are looked at when one comes from nowhere: packages render some of them. */
const MAX_AROUND = 20;

/** Owners that are looked at: a component of a package in a component of a package. */
const MAX_OWNERS = 40;

export async function writtenAt(element: Element): Promise<Written> {
  let around: Element | null = element;
  for (let depth = 0; around && depth < MAX_AROUND; depth += 1) {
    const found = (await byReact(around)) ?? byMark(around) ?? (await byVue(around)) ?? bySvelte(around);
    if (found) {
      const exact = found.exact === true && depth === 0;
      return { ...found, exact, ...named(componentOf(element)) };
    }
    around = around.parentElement ?? ((around.getRootNode() as ShadowRoot).host || null);
  }
  return named(componentOf(element));
}

function named(component: string | undefined): { component?: string } {
  return component === undefined ? {} : { component: cut(component, 200) };
}

/** The component that an element belongs to, as far as its framework tells. */
export function componentOf(element: Element): string | undefined {
  let owner = fiberOf(element)?._debugOwner;
  for (let depth = 0; owner && depth < MAX_OWNERS; depth += 1) {
    const { type } = owner;
    const name = nameOf(type) ?? nameOf(type?.render) ?? nameOf(type?.type) ?? owner.name;
    if (typeof name === "string" && name !== "") return name;
    owner = owner._debugOwner;
  }
  const { type } = vueInstanceOf(element) ?? {};
  return type?.name ?? type?.__name ?? type?.__file?.replace(/^.*\/|\.vue$/g, "");
}

function nameOf(type: unknown): string | undefined {
  const { displayName, name } = (type ?? {}) as { displayName?: unknown; name?: unknown };
  const found = displayName ?? name;
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** What React keeps of an element in development (react-reconciler, ReactInternalTypes.js). */
interface Fiber {
  /** React 17 and 18: written by the JSX transform. */
  _debugSource?: { fileName?: string; lineNumber?: number; columnNumber?: number } | null;
  /** React 19: an error made where the element was made. */
  _debugStack?: { stack?: unknown } | string | null;
  _debugOwner?: Fiber | null;
  // biome-ignore lint/suspicious/noExplicitAny: a class, a function, or one of React's own objects
  type?: any;
  /** Of components that ran on a server. */
  name?: string;
}

function fiberOf(element: Element): Fiber | undefined {
  for (const key of Object.keys(element)) {
    if (key.startsWith("__reactFiber$") || key.startsWith("__reactInternalInstance$")) {
      return (element as unknown as Record<string, Fiber>)[key];
    }
  }
  return undefined;
}

async function byReact(element: Element): Promise<Written | undefined> {
  const own = fiberOf(element);
  let fiber: Fiber | null | undefined = own;
  for (let depth = 0; fiber && depth < MAX_OWNERS; depth += 1) {
    const found = await placeOf(fiber);
    // What a package renders is shown where the project uses it.
    if (found) return { ...found, exact: found.exact !== false && fiber === own };
    fiber = fiber._debugOwner;
  }
  return undefined;
}

async function placeOf({ _debugSource: source, _debugStack: stack }: Fiber): Promise<Written | undefined> {
  const file = source?.fileName === undefined ? undefined : projectFile(source.fileName);
  if (source && file !== undefined) {
    const [line, column] = [source.lineNumber ?? 1, source.columnNumber ?? 1];
    return (await locateJsx(file, line, column)) ?? { file, line, column };
  }
  return stack ? locateNow(typeof stack === "string" ? stack : stack.stack) : undefined;
}

/** Vue, by what the dev server has its compiler write (`mark_elements.mjs`); Astro writes the like by itself. */
function byMark(element: Element): Written | undefined {
  const mark = element.getAttribute("data-vitrine-at");
  const astro = element.getAttribute("data-astro-source-file");
  const text = mark ?? (astro === null ? "" : `${astro}:${element.getAttribute("data-astro-source-loc")}`);
  const [, path = "", line, column] = /^(.+):(\d+):(\d+)$/.exec(text) ?? [];
  const file = projectFile(path);
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column), exact: true };
}

interface VueInstance {
  type?: { name?: string; __name?: string; __file?: string };
  parent?: VueInstance | null;
}

function vueInstanceOf(element: Element): VueInstance | undefined {
  return (element as { __vueParentComponent?: VueInstance }).__vueParentComponent;
}

/** Without marks (a dev command of the project's own), the component's file and the best match in it. */
async function byVue(element: Element): Promise<Written | undefined> {
  let instance: VueInstance | null | undefined = vueInstanceOf(element);
  for (let depth = 0; instance && depth < MAX_OWNERS; depth += 1) {
    const file = instance.type?.__file === undefined ? undefined : projectFile(instance.type.__file);
    if (file !== undefined) return { file, ...(await bestMatch(file, element)), exact: false };
    instance = instance.parent;
  }
  return undefined;
}

/** The place of the start tag that has most in common with the element. */
async function bestMatch(file: string, element: Element): Promise<{ line: number; column: number }> {
  const source = await sourceOf(file).catch(() => "");
  const words = [element.id, ...element.classList, element.textContent?.trim().slice(0, 40)].filter(Boolean);
  let best = { at: 0, score: -1 };
  for (const match of source.matchAll(new RegExp(`<${element.localName}(?=[\\s/>])`, "g"))) {
    const near = source.slice(match.index, match.index + 400);
    const score = words.filter((word) => near.includes(word ?? "")).length;
    if (score > best.score) best = { at: match.index, score };
  }
  const before = source.slice(0, best.at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

async function sourceOf(file: string): Promise<string> {
  const answer = await fetchNatively(new URL(`/${file}?raw`, location.origin));
  // Vite answers a module of one string.
  const [, text] = /export default (".*")/.exec(await answer.text()) ?? [];
  return text === undefined ? "" : String(JSON.parse(text));
}

/** Svelte keeps the place of every element itself. */
function bySvelte(element: Element): Written | undefined {
  const { loc } =
    (element as { __svelte_meta?: { loc?: { file?: string; line: number; column: number } } })
      .__svelte_meta ?? {};
  const file = loc?.file === undefined ? undefined : projectFile(loc.file);
  return file === undefined || !loc
    ? undefined
    : { file, line: loc.line, column: loc.column + 1, exact: true };
}
