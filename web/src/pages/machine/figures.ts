// What the machine's answers mean: differences of two of them, parts of the memory, the order of the list.
import type { MachineView, SandboxView } from "../../api/types";

/** What the processor did between two answers, as shares: of all cores, and of one core by app. */
export interface Load {
  all: number | undefined;
  apps: ReadonlyMap<string, number>;
}

/** How often the machine is asked. */
export const EVERY_MS = 3_000;
/** Answers whose load is drawn: five minutes. */
export const HISTORY_POINTS = 100;

/** Answers further apart, of a tab that was not looked at, say nothing about now. */
const LONGEST_MS = 15_000;

/** The load between two answers; undefined until there are two in a row. */
export function loadBetween(before: MachineView | undefined, after: MachineView): Load | undefined {
  const millis = before === undefined ? 0 : Date.parse(after.at) - Date.parse(before.at);
  if (before === undefined || millis <= 0 || millis > LONGEST_MS) return undefined;
  const micros = millis * 1000;
  const then = new Map(before.items.map((item) => [item.app_id, item]));
  const apps = new Map<string, number>();
  for (const item of after.items) {
    const earlier = then.get(item.app_id);
    // Another sandbox of the same app has counted from zero.
    if (earlier === undefined || earlier.started_at !== item.started_at) continue;
    apps.set(item.app_id, Math.max(0, item.cpu_micros - earlier.cpu_micros) / micros);
  }
  return { all: shareOfAll(before, after, micros), apps };
}

function shareOfAll(before: MachineView, after: MachineView, micros: number): number | undefined {
  if (before.cpu_micros === undefined || after.cpu_micros === undefined) return undefined;
  const share = (after.cpu_micros - before.cpu_micros) / (micros * after.cores);
  return Math.min(1, Math.max(0, share));
}

/** A share as whole percent. */
export function percentOf(share: number): number {
  return Math.round(share * 100);
}

/** The memory of the machine in parts that make up all of it. */
export interface MemoryParts {
  total: number;
  sandboxes: number;
  pool: number;
  rest: number;
  free: number;
}

/**
 * The parts; undefined when the kernel does not tell. What is free is what can be given out. Files that sandboxes have read
 * count as theirs and can be given out as well: what is theirs ends where the free begins.
 */
export function memoryParts({ memory, pool }: MachineView): MemoryParts | undefined {
  const { total_bytes: total, available_bytes: available } = memory;
  if (total === undefined || available === undefined) return undefined;
  const free = Math.min(available, total);
  const sandboxes = Math.min(memory.sandboxes_bytes, total - free);
  const warm = Math.min(pool.memory_bytes, total - free - sandboxes);
  return { total, free, sandboxes, pool: warm, rest: total - free - sandboxes - warm };
}

export const COLUMNS = ["app", "state", "memory", "cpu", "age", "use"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Order {
  column: Column;
  descending: boolean;
}

const DEFAULT: Order = { column: "memory", descending: true };
/** Figures are worth looking at from the largest on, words from A on. */
const FIRST_DESCENDING: ReadonlySet<Column> = new Set<Column>(["memory", "cpu", "age"]);
/** Rows whose memory differs by less keep their places: a list that is read should not dance. */
const STEP_BYTES = 16 * 1024 * 1024;
const STEP_SHARE = 0.05;

/** The order as the URL has it: `cpu`, or `-cpu` the other way round; anything else is the usual one. */
export function orderOf(text: string): Order {
  const name = text.replace(/^-/, "");
  const column = COLUMNS.find((known) => known === name);
  if (column === undefined) return DEFAULT;
  return { column, descending: FIRST_DESCENDING.has(column) !== text.startsWith("-") };
}

/** What the URL says after the column's heading was pressed. */
export function pressed(order: Order, column: Column): string {
  const turned = order.column === column && order.descending === FIRST_DESCENDING.has(column);
  if (column === DEFAULT.column && !turned) return "";
  return turned ? `-${column}` : column;
}

const STATES = ["starting", "running", "frozen", "error"];

/** The rows in an order; equal ones by their ids. */
export function sorted(items: readonly SandboxView[], order: Order, load: Load | undefined): SandboxView[] {
  const time = (at: string | undefined) => (at === undefined ? 0 : Date.parse(at));
  const keys: Record<Column, (item: SandboxView) => number | string> = {
    app: (item) => (item.app_name ?? item.app_id).toLowerCase(),
    state: (item) => STATES.indexOf(item.status),
    memory: (item) => Math.round(item.memory_bytes / STEP_BYTES),
    cpu: (item) => Math.round((load?.apps.get(item.app_id) ?? 0) / STEP_SHARE),
    age: (item) => -time(item.started_at),
    use: (item) => -time(item.last_use_at),
  };
  const key = keys[order.column];
  const sign = order.descending ? -1 : 1;
  return [...items].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === b) return one.app_id < other.app_id ? -1 : 1;
    return a < b ? -sign : sign;
  });
}
