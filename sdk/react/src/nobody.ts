// What is looked at while there is no app, or no channel: hooks are called all the same.
import type { LiveState } from "./live-store.js";
import type { SessionState } from "./session-store.js";
import { Store } from "./store.js";

class Quiet<State extends object> extends Store<State> {
  protected live(): void {
    // There is nothing to ask.
  }
}

export const noSession = new Quiet<SessionState>({ session: undefined, error: undefined, isAsking: false });
export const nobody = new Quiet<LiveState>({ people: [], clientId: undefined, isOpen: false });
