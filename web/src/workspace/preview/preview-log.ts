// What a preview has told of itself: its console, its failed requests, and what is wrong with the page that is shown now.
// Pure: a log and some events make the next log.
import type { PreviewEvent, SourcePosition } from "@vitrine/client/bridge";
import type { Place } from "../site/publish-view";
import { fingerprintOf } from "./fingerprint";
import { isConsequence, overlayOf } from "./overlay";
import { withRoute } from "./routes";

/** More rows than anybody reads; the oldest go. */
export const MAX_ROWS = 2_000;
/** UTF-16 units of all rows together: 2,000 rows at their longest would be hundreds of megabytes. */
export const MAX_CHARS = 4_000_000;
/** Faults of one page that are told apart. */
export const MAX_FAULTS = 200;
/** Documents remembered: those of a frame, and of other tabs and phones. */
const MAX_DOCUMENTS = 50;
/** Events remembered so that one that comes by two ways is taken once. */
const MAX_KNOWN = 4_000;

export type Level = "debug" | "info" | "warn" | "error";

export interface ConsoleRow {
  key: number;
  kind: "message" | "error" | "page" | "dropped";
  level: Level;
  at: number;
  text: string;
  /** What an error was thrown through. */
  stack?: string;
  place?: Place;
  /** How often it came in a row. */
  count: number;
}

export interface NetworkRow {
  key: number;
  at: number;
  method: string;
  url: string;
  status?: number;
  failure?: string;
  durationMs: number;
  count: number;
}

export type FaultKind = "overlay" | "error" | "console" | "network" | "blank";

/** Something wrong with the page as it is now; the same thing again is counted. */
export interface Fault {
  fingerprint: string;
  kind: FaultKind;
  message: string;
  detail?: string;
  place?: Place;
  count: number;
  at: number;
}

export interface PreviewLog {
  console: readonly ConsoleRow[];
  network: readonly NetworkRow[];
  faults: ReadonlyMap<string, Fault>;
  /** Where the page is; undefined until it has said so. */
  route: string | undefined;
  routes: readonly string[];
  canGoBack: boolean;
  canGoForward: boolean;
  /** Those that have spoken, the newest last. */
  documents: readonly string[];
  picking: boolean;
  known: ReadonlySet<string>;
  nextKey: number;
  chars: number;
}

export function emptyLog(routes: readonly string[] = []): PreviewLog {
  return {
    console: [],
    network: [],
    faults: new Map(),
    route: undefined,
    routes,
    canGoBack: true,
    canGoForward: true,
    documents: [],
    picking: false,
    known: new Set(),
    nextKey: 0,
    chars: 0,
  };
}

/** The log after `events`; one that it knows already changes nothing. */
export function logAfter(log: PreviewLog, events: readonly PreviewEvent[]): PreviewLog {
  const known = new Set(log.known);
  const fresh = events.filter((event) => {
    // Within one document the id tells them apart, and two documents do not begin at the same time.
    const name = `${event.id} ${event.at} ${event.kind}`;
    return !known.has(name) && known.add(name);
  });
  if (fresh.length === 0) return log;
  const draft: Draft = {
    ...log,
    console: [...log.console],
    network: [...log.network],
    faults: new Map(log.faults),
    known: new Set([...known].slice(-MAX_KNOWN)),
  };
  for (const event of fresh) {
    begin(draft, event);
    take(draft, event);
  }
  trim(draft);
  // What has not changed stays the same object: whoever shows it is not drawn anew for a line in the console.
  if (sameItems(log.network, draft.network)) draft.network = log.network as NetworkRow[];
  if (sameItems([...log.faults.values()], [...draft.faults.values()]))
    draft.faults = log.faults as Map<string, Fault>;
  return draft;
}

function sameItems<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Nothing listed any more; what is wrong with the page stays known. */
export function withoutConsole(log: PreviewLog): PreviewLog {
  return { ...log, console: [], chars: 0 };
}

export function withoutNetwork(log: PreviewLog): PreviewLog {
  return { ...log, network: [] };
}

/** As if the page had just begun: for whoever has seen its faults. */
export function withoutFaults(log: PreviewLog): PreviewLog {
  return { ...log, faults: new Map() };
}

interface Draft extends PreviewLog {
  console: ConsoleRow[];
  network: NetworkRow[];
  faults: Map<string, Fault>;
}

/** The first word of a document: what was wrong with the one before is history, and stands in the console. */
function begin(draft: Draft, { id, at }: PreviewEvent): void {
  // Ids are the document's name and a number.
  const name = id.replace(/-?[^-]*$/, "");
  if (draft.documents.includes(name)) return;
  draft.documents = [...draft.documents, name].slice(-MAX_DOCUMENTS);
  draft.faults.clear();
  push(draft, { kind: "page", level: "info", at, text: "" });
}

function take(draft: Draft, event: PreviewEvent): void {
  const { at } = event;
  switch (event.kind) {
    case "ready":
    case "navigation":
      moved(draft, event);
      break;
    case "console":
      consoleCalled(draft, event.level === "log" ? "info" : event.level, event);
      break;
    case "error":
      uncaught(draft, event);
      break;
    case "network":
      requestFailed(draft, event);
      break;
    case "overlay":
      overlaid(draft, event);
      break;
    case "overlay_gone":
      forget(draft, "overlay");
      break;
    case "blank":
      fault(draft, { kind: "blank", message: event.route, at });
      break;
    case "not_blank":
      forget(draft, "blank");
      break;
    case "picker":
      draft.picking = event.on;
      break;
    case "picked":
      draft.picking = false;
      break;
    case "dropped":
      push(draft, { kind: "dropped", level: "warn", at, text: String(event.count) });
      break;
  }
}

type Of<Kind extends PreviewEvent["kind"]> = Extract<PreviewEvent, { kind: Kind }>;

function moved(draft: Draft, event: Of<"ready" | "navigation">): void {
  draft.route = event.route;
  if (event.kind === "ready") nameLatestPage(draft, event.route);
  draft.routes = withRoute(draft.routes, event.route);
  draft.canGoBack = event.can_go_back ?? true;
  draft.canGoForward = event.can_go_forward ?? true;
}

/** What a page's scripts say at once is said before the page has said where it is. */
function nameLatestPage(draft: Draft, route: string): void {
  const index = draft.console.findLastIndex(({ kind }) => kind === "page");
  const page = draft.console[index];
  if (page?.text === "") draft.console[index] = { ...page, text: route };
}

function consoleCalled(draft: Draft, level: Level, { at, args, source }: Of<"console">): void {
  const text = args.join(" ");
  const place = placeAt(source);
  push(draft, { kind: "message", level, at, text, ...place });
  if (level === "error") fault(draft, { kind: "console", at, ...headed(text), ...place });
}

function uncaught(draft: Draft, { at, name, message, stack, source }: Of<"error">): void {
  const place = placeAt(source);
  const text = message.startsWith(name) ? message : `${name}: ${message}`;
  const through = stack === undefined || stack === "" ? {} : { stack };
  push(draft, { kind: "error", level: "error", at, text, ...through, ...place });
  fault(draft, { kind: "error", at, message: text, ...(stack && { detail: stack }), ...place });
}

function requestFailed(draft: Draft, event: Of<"network">): void {
  const { at, method, url, status, failure, duration_ms } = event;
  const outcome = { ...(status !== undefined && { status }), ...(failure !== undefined && { failure }) };
  const last = draft.network.at(-1);
  if (
    last &&
    last.method === method &&
    last.url === url &&
    last.status === status &&
    last.failure === failure
  ) {
    draft.network[draft.network.length - 1] = { ...last, at, durationMs: duration_ms, count: last.count + 1 };
  } else {
    draft.network.push({
      key: draft.nextKey++,
      at,
      method,
      url,
      durationMs: duration_ms,
      count: 1,
      ...outcome,
    });
  }
  const ending = status === undefined ? (failure ?? "") : String(status);
  // The status is what tells two faults of one address apart, so it is part of the kind and not of the message.
  fault(
    draft,
    { kind: "network", at, message: `${method} ${url}`, ...(ending && { detail: ending }) },
    ending,
  );
}

function overlaid(draft: Draft, event: Of<"overlay">): void {
  // One overlay at a time: the newest is what stands over the page.
  forget(draft, "overlay");
  const overlay = overlayOf(event);
  for (const [fingerprint, found] of draft.faults) {
    if (isConsequence(found, overlay)) draft.faults.delete(fingerprint);
  }
  fault(draft, { kind: "overlay", at: event.at, ...overlay });
}

/** The first line, and the rest. */
function headed(text: string): { message: string; detail?: string } {
  const end = text.indexOf("\n");
  if (end < 0) return { message: text };
  const detail = text.slice(end + 1).trim();
  return { message: text.slice(0, end), ...(detail && { detail }) };
}

function placeAt(source: SourcePosition | undefined): { place?: Place } {
  return source ? { place: placeOfParts(source.file, source.line, source.column) } : {};
}

function placeOfParts(path: string, line: number | undefined, column: number | undefined): Place {
  return { path, ...(line !== undefined && { line }), ...(column !== undefined && { column }) };
}

function push(draft: Draft, row: Omit<ConsoleRow, "key" | "count">): void {
  const last = draft.console.at(-1);
  if (last && row.kind !== "page" && isSame(last, row)) {
    const count = row.kind === "dropped" ? last.count : last.count + 1;
    const text = row.kind === "dropped" ? String(Number(last.text) + Number(row.text)) : last.text;
    draft.console[draft.console.length - 1] = { ...last, at: row.at, count, text };
    return;
  }
  draft.console.push({ ...row, key: draft.nextKey++, count: 1 });
  draft.chars += charsOf(row);
}

function isSame(a: ConsoleRow, b: Omit<ConsoleRow, "key" | "count">): boolean {
  if (a.kind !== b.kind || a.level !== b.level) return false;
  if (a.kind === "dropped") return true;
  return a.text === b.text && a.place?.path === b.place?.path && a.place?.line === b.place?.line;
}

function charsOf({ text, stack }: Pick<ConsoleRow, "text" | "stack">): number {
  return text.length + (stack?.length ?? 0);
}

function fault(draft: Draft, found: Omit<Fault, "fingerprint" | "count">, apart = ""): void {
  const overlay = [...draft.faults.values()].find(({ kind }) => kind === "overlay");
  if (overlay && isConsequence(found, overlay)) return;
  const fingerprint = fingerprintOf(`${found.kind}${apart}`, found.message, found.place?.path);
  const count = (draft.faults.get(fingerprint)?.count ?? 0) + 1;
  // Taken out first: the order of a map is that of what was set first.
  draft.faults.delete(fingerprint);
  draft.faults.set(fingerprint, { ...found, fingerprint, count });
}

function forget(draft: Draft, kind: FaultKind): void {
  for (const [fingerprint, found] of draft.faults) {
    if (found.kind === kind) draft.faults.delete(fingerprint);
  }
}

function trim(draft: Draft): void {
  let gone = Math.max(0, draft.console.length - MAX_ROWS);
  for (const row of draft.console.slice(0, gone)) draft.chars -= charsOf(row);
  while (draft.chars > MAX_CHARS && gone < draft.console.length - 1) {
    const row = draft.console[gone++];
    if (row) draft.chars -= charsOf(row);
  }
  draft.console.splice(0, gone);
  draft.network.splice(0, Math.max(0, draft.network.length - MAX_ROWS));
  for (const fingerprint of draft.faults.keys()) {
    if (draft.faults.size <= MAX_FAULTS) break;
    draft.faults.delete(fingerprint);
  }
}
