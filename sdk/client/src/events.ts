// Server-sent events over `fetch`: with credentials, in browsers and Node.js, and going on after what was heard last.
import { longerPause, pauseFor } from "./backoff.js";
import { noAnswer, VitrineError } from "./errors.js";
import { pause } from "./http.js";

export interface ServerEvent {
  /** What kind; `message` when the server says nothing. */
  event: string;
  data: string;
  /** What to go on after; the last one that was said. */
  id: string | undefined;
}

export interface FollowOptions {
  signal?: AbortSignal | undefined;
  /** Goes on after this event's id. */
  after?: string | undefined;
}

/** Begins the stream, after the event with this id. */
export type OpenStream = (lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>;

/** The server says something at least every 15 s; three times as long without a word is a dead connection. */
const SILENCE_MS = 45_000;

/**
 * The events of a stream, over as many connections as it takes. Ends when `isLast` says so of an event (which is not given out),
 * and throws when the server refuses for good, or the signal's reason.
 */
export async function* follow(
  open: OpenStream,
  isLast: (event: ServerEvent) => boolean,
  { signal, after }: FollowOptions = {},
): AsyncGenerator<ServerEvent, void> {
  let last = after;
  let attempt = 0;
  for (;;) {
    signal?.throwIfAborted();
    const connection = new AbortController();
    try {
      const both = signal ? AbortSignal.any([signal, connection.signal]) : connection.signal;
      const response = await open(last, both);
      for await (const event of eventsOf(response, both)) {
        attempt = 0;
        last = event.id ?? last;
        if (isLast(event)) return;
        yield event;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof VitrineError && !error.isTransient) throw error;
    } finally {
      // Also when whoever follows has had enough.
      connection.abort();
    }
    attempt = longerPause(attempt);
    await pause(pauseFor(attempt), signal);
  }
}

/** The events of one connection, until it ends, fails or falls silent, or `signal` ends it. */
export async function* eventsOf(
  response: Response,
  signal: AbortSignal,
  silenceMs = SILENCE_MS,
): AsyncGenerator<ServerEvent, void> {
  if (!response.body) throw noAnswer("the answer has no body");
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", leave, { once: true });
  try {
    for (;;) {
      timer = setTimeout(leave, silenceMs);
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      yield* parser.take(value);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    leave();
  }
}

/** Puts text together to events, as the HTML standard says (9.2.6). */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #id: string | undefined;

  take(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    // The last line may go on in the next piece.
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    return isEmpty ? undefined : event;
  }
}
