// What a preview's page tells through the bridge, kept for whoever looks at the console.
import type { PreviewEvent } from "@vitrine/client/bridge";
import { Store } from "./store.js";

/** An event with a number of its own: the ids of events begin anew with each document. */
export interface SeenEvent {
  key: number;
  event: PreviewEvent;
}

export interface EventsState {
  /** The last ones, the oldest first. */
  events: readonly SeenEvent[];
  /** Faults among them. */
  faultCount: number;
  /** The file that the dev server cannot make sense of now, if there is one. */
  overlay: Extract<PreviewEvent, { kind: "overlay" }> | undefined;
}

/** As many as somebody scrolls through; what is older is gone. */
const MOST_EVENTS = 300;
const KEPT: PreviewEvent["kind"][] = ["console", "error", "network", "overlay", "dropped"];
const NONE: EventsState = { events: [], faultCount: 0, overlay: undefined };

export class EventsStore extends Store<EventsState> {
  #next = 0;

  constructor() {
    super(NONE);
  }

  readonly add = (event: PreviewEvent): void => {
    if (event.kind === "overlay_gone" || event.kind === "ready") this.set({ overlay: undefined });
    if (event.kind === "overlay") this.set({ overlay: event });
    if (!KEPT.includes(event.kind)) return;
    const events = [...this.get().events, { key: this.#next++, event }].slice(-MOST_EVENTS);
    this.set({ events, faultCount: events.filter((seen) => isFault(seen.event)).length });
  };

  readonly clear = (): void => this.set(NONE);

  protected live(): void {
    // Events come from the preview while there is one; nothing has to be asked for.
  }
}

export function isFault(event: PreviewEvent): boolean {
  if (event.kind === "console") return event.level === "error";
  return event.kind === "error" || event.kind === "network" || event.kind === "overlay";
}
