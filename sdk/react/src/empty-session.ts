// What is looked at while there is no app: hooks are called all the same.
import type { SessionState } from "./session-store.js";
import { Store } from "./store.js";

class EmptySession extends Store<SessionState> {
  protected live(): void {
    // There is nothing to ask.
  }
}

export const emptySession = new EmptySession({ session: undefined, error: undefined, isAsking: false });
