// A piece of state that components look at together. It is alive while somebody looks, and rests when nobody does.
import { useSyncExternalStore } from "react";

export abstract class Store<State extends object> {
  #state: State;
  #listeners = new Set<() => void>();
  #waking: ReturnType<typeof setTimeout> | undefined;
  #life: AbortController | undefined;

  constructor(initial: State) {
    this.#state = initial;
  }

  readonly get = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    // Later: whoever leaves at once, as React's strict mode does once, has never begun anything.
    this.#waking ??= setTimeout(() => {
      this.#life ??= new AbortController();
      this.live(this.#life.signal);
    }, 0);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#rest();
    };
  };

  protected set(patch: Partial<State>): void {
    this.#state = { ...this.#state, ...patch };
    for (const listener of this.#listeners) listener();
  }

  /** Somebody looks. What is begun here ends with `signal`, when nobody does any more; nothing is ended on the server. */
  protected abstract live(signal: AbortSignal): void;

  #rest(): void {
    clearTimeout(this.#waking);
    this.#waking = undefined;
    this.#life?.abort();
    this.#life = undefined;
  }
}

/** What a store says, and its component anew whenever that has changed. */
export function useStore<State extends object>(store: Store<State>): State {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}
