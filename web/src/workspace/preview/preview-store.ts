// Holds what the preview tells, and tells whoever shows it: not more often than eyes can follow.
import type { PreviewEvent } from "@vitrine/client/bridge";
import {
  emptyLog,
  logAfter,
  type PreviewLog,
  withoutConsole,
  withoutFaults,
  withoutNetwork,
} from "./preview-log";
import { readRoutes, rememberRoutes } from "./routes";

/** A page that logs 50 times a second makes ten updates of it. */
const TELL_EVERY_MS = 100;

export class PreviewStore {
  readonly #app: string;
  readonly #listeners = new Set<() => void>();
  #log: PreviewLog;
  #waiting: PreviewEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(app: string) {
    this.#app = app;
    this.#log = emptyLog(readRoutes(app));
  }

  get log(): PreviewLog {
    return this.#log;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes events in their order; one that comes by two ways counts once. */
  take(events: readonly PreviewEvent[]): void {
    this.#waiting.push(...events);
    this.#timer ??= setTimeout(() => this.#tell(), TELL_EVERY_MS);
  }

  clearConsole(): void {
    this.#set(withoutConsole(this.#log));
  }

  clearNetwork(): void {
    this.#set(withoutNetwork(this.#log));
  }

  clearFaults(): void {
    this.#set(withoutFaults(this.#log));
  }

  #tell(): void {
    this.#timer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    const { routes } = this.#log;
    this.#set(logAfter(this.#log, events));
    if (this.#log.routes !== routes) rememberRoutes(this.#app, this.#log.routes);
  }

  #set(log: PreviewLog): void {
    if (log === this.#log) return;
    this.#log = log;
    for (const listener of this.#listeners) listener();
  }
}
