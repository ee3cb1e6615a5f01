// An app's channel: what happens to the app, as it happens, over one WebSocket that comes back by itself and goes on where it was.
import { longerPause, pauseFor } from "./backoff.js";
import type { PreviewEvent } from "./bridge.js";
import type { Op, Problem, PublishView, SessionView } from "./generated.js";

/** The subprotocol; a browser of another origin, and whoever cannot send headers, adds `bearer.<key>` to it. */
export const CHANNEL_PROTOCOL = "vitrine.v1";

/** Somebody who has the app open. */
export interface Person {
  client_id: string;
  name: string;
  /** The file they look at. */
  file?: string;
  /** From 1. */
  line?: number;
}

/** A session as the channel tells it: its `preview_url`, if any, opens nothing. Ask for the session to open a preview. */
export type ChannelSession = Omit<SessionView, "preview_url"> & { preview_url?: string };

/** What the server says. Those with `seq` are told once, also when the connection was lost in between. */
export type ChannelMessage =
  | { type: "hello"; client_id: string; seq: number; version: number; presence: Person[] }
  /** The draft has another version. `paths` is null when too many changed; `client_id` is whose channel or header sent it. */
  | { type: "draft"; seq: number; version: number; paths: string[] | null; client_id?: string; name?: string }
  | { type: "session"; seq: number; session: ChannelSession }
  | { type: "publish"; seq: number; publish: PublishView }
  | { type: "preview"; seq: number; event: PreviewEvent }
  | { type: "presence"; people: Person[] }
  | { type: "ack"; id: string; version: number }
  /** `id` is null when the message could not be read. */
  | { type: "refused"; id: string | null; problem: Problem }
  /** Something was missed for good: read everything again. */
  | { type: "gap"; seq: number }
  | { type: "pong" };

/** A change set. With an `idempotency_key` it may be sent again without being applied twice. */
export interface ChannelChange {
  type: "change";
  id: string;
  base_version?: number;
  ops: Op[];
  idempotency_key?: string;
}

export type ChannelRequest =
  | ChannelChange
  | { type: "presence"; file?: string; line?: number }
  | { type: "ping" };

/** What the person looks at. */
export interface Place {
  file?: string;
  line?: number;
}

/**
 * `connecting`: on its way for the first time. `open`: the server has said hello. `waiting`: lost, and tried again after a
 * pause, for as long as it takes. `closed`: for good, by `close()` or because the app is gone.
 */
export type ChannelState = "connecting" | "open" | "waiting" | "closed";

/** As much of the standard's `WebSocket` as is used. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code?: number }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

export interface ChannelOptions {
  /** `…/v1/apps/{app}/channel`, with `ws:`, `wss:`, `http:` or `https:`, or a path of the page's own origin. */
  url: string;
  /** Asked for before each connection, so that a token in it is a fresh one. Absent: the protocol alone, with the page's cookie. */
  protocols?: string[] | (() => string[] | Promise<string[]>);
  /** Goes on after this `seq`, of an earlier channel. */
  after?: number;
  /** Called for every message, in order and once each; also for `hello` after each reconnection. */
  onMessage: (message: ChannelMessage) => void;
  onState?: (state: ChannelState) => void;
  /** For Node.js before 22, which has none of its own. */
  WebSocket?: SocketConstructor;
}

export interface Channel {
  /** What the server calls this connection; another one after each reconnection, undefined before the first. */
  readonly clientId: string | undefined;
  readonly state: ChannelState;
  /** The `seq` up to which everything was told. */
  readonly seq: number | undefined;
  /** Hands a message to the socket; false when there is none now. What was lost on the way is not sent again. */
  send(request: ChannelRequest): boolean;
  /** Tells the others where this person is, now and after each reconnection. May be called with every key. */
  setPresence(place: Place): void;
  /** Tries now instead of after the pause. */
  reconnect(): void;
  /** Ends it for good. */
  close(): void;
}

/** Quiet for this long: the connection is asked whether it is alive. Well under the minute after which proxies cut. */
const PING_AFTER_MS = 20_000;
/** No word for this long after a ping: the connection is dead, whatever the system thinks of it. */
const PONG_WITHIN_MS = 10_000;
/** Between two messages on where somebody is; the server bounds their rate. */
const PRESENCE_EVERY_MS = 250;
const OPEN = 1;
/** Why the server closes a channel that need not come back. */
const APP_IS_GONE = 4004;

/** Opens the channel of an app. Never throws for a connection that fails: it tries again, with growing pauses. */
export function openChannel(options: ChannelOptions): Channel {
  return new ReconnectingChannel(options);
}

class ReconnectingChannel implements Channel {
  clientId: string | undefined;
  state: ChannelState = "connecting";
  seq: number | undefined;
  readonly #options: ChannelOptions;
  #socket: SocketLike | undefined;
  #attempts = 0;
  #place: Place | undefined;
  #retry: Timer;
  #watch: Timer;
  #presence: Timer;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.seq = options.after;
    // A browser knows when it is worth trying.
    globalThis.addEventListener?.("online", this.#online);
    void this.#connect();
  }

  send(request: ChannelRequest): boolean {
    if (this.state !== "open" || this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(request));
    return true;
  }

  setPresence(place: Place): void {
    this.#place = place;
    this.#presence ??= setTimeout(() => {
      this.#presence = undefined;
      this.#sendPlace();
    }, PRESENCE_EVERY_MS);
  }

  reconnect(): void {
    if (this.state !== "waiting") return;
    clearTimeout(this.#retry);
    void this.#connect();
  }

  close(): void {
    if (this.state === "closed") return;
    globalThis.removeEventListener?.("online", this.#online);
    for (const timer of [this.#retry, this.#watch, this.#presence]) clearTimeout(timer);
    this.#drop(1000);
    this.#enter("closed");
  }

  readonly #online = () => this.reconnect();

  #enter(state: ChannelState): void {
    if (this.state === state) return;
    this.state = state;
    this.#options.onState?.(state);
  }

  async #connect(): Promise<void> {
    try {
      const { protocols = [CHANNEL_PROTOCOL] } = this.#options;
      const offered = typeof protocols === "function" ? await protocols() : protocols;
      if (this.state === "closed") return;
      this.#listen(new (socketOf(this.#options))(addressOf(this.#options.url, this.seq), offered));
    } catch {
      // No token now, or an address that the system refuses: as if the connection had failed.
      this.#lost();
    }
  }

  #listen(socket: SocketLike): void {
    this.#socket = socket;
    socket.onopen = () => this.#heard(socket);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard(socket);
      const message = parse(data);
      if (message) this.#take(message);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      if (code === APP_IS_GONE) this.close();
      else this.#lost();
    };
    socket.onerror = () => undefined;
    // A connection that is never answered is dropped, too.
    this.#heard(socket);
  }

  /** Something was heard; asks when nothing more comes for a while, and gives up when there is no answer. */
  #heard(socket: SocketLike): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.send({ type: "ping" });
      this.#watch = setTimeout(() => socket === this.#socket && this.#lost(), PONG_WITHIN_MS);
    }, PING_AFTER_MS);
  }

  #take(message: ChannelMessage): void {
    if (message.type === "hello") {
      this.#greet(message);
      return;
    }
    if ("seq" in message) {
      // After a gap, numbers may begin anew.
      const isOld = message.type !== "gap" && this.seq !== undefined && message.seq <= this.seq;
      if (isOld) return;
      this.seq = message.seq;
    }
    this.#options.onMessage(message);
  }

  #greet(hello: Extract<ChannelMessage, { type: "hello" }>): void {
    this.clientId = hello.client_id;
    this.#attempts = 0;
    // What happened since, or that it is not known any more, is told next; until then it counts as not heard.
    this.seq ??= hello.seq;
    this.#enter("open");
    this.#sendPlace();
    this.#options.onMessage(hello);
  }

  #sendPlace(): void {
    if (this.#place) this.send({ type: "presence", ...this.#place });
  }

  #lost(): void {
    if (this.state === "closed") return;
    this.#drop();
    this.#enter("waiting");
    this.#attempts = longerPause(this.#attempts);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), pauseFor(this.#attempts));
  }

  #drop(code?: number): void {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && socket.readyState <= OPEN) socket.close(code);
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;

function socketOf({ WebSocket }: ChannelOptions): SocketConstructor {
  const known = WebSocket ?? (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
  if (!known) throw new TypeError("This runtime has no WebSocket; pass one as `WebSocket`.");
  return known;
}

function addressOf(url: string, after: number | undefined): string {
  const address = new URL(url, (globalThis as { location?: { href: string } }).location?.href);
  address.protocol = address.protocol.replace("http", "ws");
  if (after !== undefined) address.searchParams.set("after", String(after));
  return address.href;
}

/** A message of the server; undefined for what is none, which a later server may well send. */
function parse(data: unknown): ChannelMessage | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const message: unknown = JSON.parse(data);
    const isOne = typeof message === "object" && message !== null && "type" in message;
    return isOne ? (message as ChannelMessage) : undefined;
  } catch {
    return undefined;
  }
}
