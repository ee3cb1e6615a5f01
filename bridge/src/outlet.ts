// The way out: events in their order, within their budgets, to the page around the preview and to the server.
import type { BridgeMessage, PreviewEvent } from "../../sdk/client/src/bridge";
import { Budget } from "./budget";
import { bytesOf, cancel, fetchNatively, later, now, parentWindow, quietly, toJson } from "./native";
import { OURS, settings } from "./settings";

type Without<E> = E extends PreviewEvent ? Omit<E, "id" | "at"> : never;

/** An event that has not happened anywhere yet. */
export type Happening = Without<PreviewEvent>;

/** Bytes of one message, and of one batch for the server, which takes as many. */
const MAX_MESSAGE_BYTES = 60 * 1024;

/** Events that wait for the server; older ones go first. */
const MAX_WAITING = 500;

/** How long an event waits for where it came from. */
const MAX_LOCATING_MS = 1_000;

/** Events that happen together travel together. */
const GATHER_MS = 30;
const GATHER_FOR_SERVER_MS = 1_000;

/** How long the server is left alone after it said that it is too much. */
const REST_MS = 5_000;

/** Answers that are none: a policy of the app's forbids it, or the network is gone. */
const MAX_FAILURES = 3;

interface Entry {
  event: PreviewEvent;
  isReady: boolean;
}

const encodedName = Math.random().toString(36).slice(2, 10);
const budget = new Budget();
const entries: Entry[] = [];
let count = 0;
let gathering: number | undefined;
const waiting: string[] = [];
let lost = 0;
let posting: number | undefined;
let failures = 0;

/** Who hears. A browser that names the frame's parent spares the others a warning in the console. */
let audience: string[] = parentWindow === window ? [] : audienceOf(location.ancestorOrigins?.[0]);

function audienceOf(parent: string | undefined): string[] {
  return parent === undefined ? settings.origins : settings.origins.filter((origin) => origin === parent);
}

/** Somebody has said who they are. */
export function heardFrom(origin: string): void {
  audience = [origin];
}

/** Tells an event; at once, or when it is known where it came from. Answers it, or nothing when there were too many. */
export function tell(happening: Happening, locating?: Promise<object | undefined>): PreviewEvent | undefined {
  return tellMade(() => [happening, locating]);
}

/** The same for an event that takes work to make: one too many costs nothing. */
export function tellMade(
  make: () => [Happening, Promise<object | undefined> | undefined],
): PreviewEvent | undefined {
  const allowed = budget.take(now());
  if (allowed === false) {
    schedule(1_000);
    return undefined;
  }
  if (allowed > 0) add({ kind: "dropped", count: allowed });
  const [happening, locating] = make();
  const entry = add(happening);
  if (locating) {
    entry.isReady = false;
    const done = quietly((more?: object) => {
      if (entry.isReady) return;
      Object.assign(entry.event, more);
      entry.isReady = true;
      schedule(0);
    });
    locating.then(done, () => done());
    later(done, MAX_LOCATING_MS);
  }
  schedule(GATHER_MS);
  return entry.event;
}

/** Says again what the page around has not heard. */
export function repeat(events: PreviewEvent[]): void {
  post(events);
}

function add(happening: Happening): Entry {
  count += 1;
  const event = { id: `${encodedName}-${count}`, at: now(), ...happening } as PreviewEvent;
  const entry = { event, isReady: true };
  entries.push(entry);
  return entry;
}

function schedule(ms: number): void {
  if (gathering !== undefined && ms > 0) return;
  if (gathering !== undefined) cancel(gathering);
  gathering = later(quietly(flush), ms);
}

function flush(): void {
  gathering = undefined;
  const dropped = budget.rest(now());
  if (dropped > 0) add({ kind: "dropped", count: dropped });
  else if (budget.isExhausted()) schedule(1_000);
  const unready = entries.findIndex((entry) => !entry.isReady);
  const ready = entries.splice(0, unready < 0 ? entries.length : unready).map((entry) => entry.event);
  if (ready.length === 0) return;
  post(ready);
  waiting.push(...ready.map((event) => toJson(event)));
  if (waiting.length > MAX_WAITING) lost += waiting.splice(0, waiting.length - MAX_WAITING).length;
  scheduleServer(GATHER_FOR_SERVER_MS);
}

/** To the page around, in messages that are not too large. */
function post(events: PreviewEvent[]): void {
  if (audience.length === 0) return;
  let batch: PreviewEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = bytesOf(toJson(event));
    if (bytes + size > MAX_MESSAGE_BYTES && batch.length > 0) {
      send(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(event);
    bytes += size;
  }
  send(batch);
}

function send(events: PreviewEvent[]): void {
  const message: BridgeMessage = { source: "vitrine-bridge", version: 1, preview: settings.preview, events };
  for (const origin of audience) parentWindow.postMessage(message, origin);
}

function scheduleServer(ms: number): void {
  if (posting === undefined && failures < MAX_FAILURES) posting = later(() => void toServer(), ms);
}

async function toServer(): Promise<void> {
  let pause = GATHER_FOR_SERVER_MS;
  const batch = takeBatch();
  try {
    const answer = await fetchNatively(`${OURS}events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: batch.body,
      cache: "no-store",
    });
    if (answer.status === 429 || answer.status >= 500) {
      lost += batch.count;
      pause = REST_MS;
      failures = 0;
    } else if (!answer.ok) {
      // Nobody listens there: the visit is over, or the bridge was switched off.
      failures = MAX_FAILURES;
    } else {
      failures = 0;
    }
  } catch {
    failures += 1;
    lost += batch.count;
  }
  posting = undefined;
  if (waiting.length > 0) scheduleServer(pause);
}

/** As many of those that wait as fit, and what was lost before them. */
function takeBatch(): { body: string; count: number } {
  if (lost > 0) {
    waiting.unshift(toJson({ id: `${encodedName}-lost-${now()}`, at: now(), kind: "dropped", count: lost }));
    lost = 0;
  }
  let bytes = 0;
  let taken = 0;
  for (const event of waiting) {
    bytes += bytesOf(event) + 1;
    if (bytes > MAX_MESSAGE_BYTES && taken > 0) break;
    taken += 1;
  }
  const events = waiting.splice(0, taken);
  return { body: `{"events":[${events.join(",")}]}`, count: events.length };
}

/** The page goes, perhaps for good. A beacon outlives it. */
export function flushNow(): void {
  for (const entry of entries) entry.isReady = true;
  flush();
  if (waiting.length === 0 || failures >= MAX_FAILURES) return;
  navigator.sendBeacon(`${OURS}events`, new Blob([takeBatch().body], { type: "application/json" }));
}
