// An app's channel, for the stores beside it: what happened is looked at now instead of with the next question.
import type { AppHandle } from "@vitrine/client";
import type { Channel, ChannelMessage, Person, Place } from "@vitrine/client/channel";
import type { DraftStore } from "./draft-store.js";
import type { PublishStore } from "./publish-store.js";
import type { SessionStore } from "./session-store.js";
import { Store } from "./store.js";

export interface LiveState {
  /** Who has the app open, this page among them. */
  people: readonly Person[];
  /** This page among `people`; another one after each reconnection. */
  clientId: string | undefined;
  /** Whether what happens is told now. While it is not, it is asked for. */
  isOpen: boolean;
}

interface Told {
  session: SessionStore;
  publish: PublishStore;
  draft: DraftStore;
}

export class LiveStore extends Store<LiveState> {
  readonly #app: AppHandle;
  readonly #told: Told;
  #channel: Channel | undefined;
  #place: Place | undefined;

  constructor(app: AppHandle, told: Told) {
    super({ people: [], clientId: undefined, isOpen: false });
    this.#app = app;
    this.#told = told;
  }

  /** Tells the others what this person looks at. */
  readonly setPlace = (place: Place): void => {
    this.#place = place;
    this.#channel?.setPresence(place);
  };

  protected live(signal: AbortSignal): void {
    const channel = this.#app.channel({
      onMessage: this.#take,
      onState: (state) => this.set({ isOpen: state === "open", clientId: this.#channel?.clientId }),
    });
    this.#channel = channel;
    if (this.#place) channel.setPresence(this.#place);
    signal.addEventListener("abort", () => {
      channel.close();
      this.#channel = undefined;
      this.set({ people: [], clientId: undefined, isOpen: false });
    });
  }

  readonly #take = (message: ChannelMessage): void => {
    const { session, publish, draft } = this.#told;
    switch (message.type) {
      case "hello":
        this.set({ people: message.presence });
        draft.nudge(message.version);
        break;
      case "presence":
        this.set({ people: message.people });
        break;
      case "draft":
        draft.nudge(message.version);
        break;
      case "session":
        session.nudge();
        break;
      case "publish":
        publish.nudge();
        break;
      case "gap":
        session.nudge();
        publish.nudge();
        draft.nudge();
        break;
    }
  };
}
