// An app's session: the live preview of its draft. Nothing here ends one but `stop`.
import { errorOfProblem, type LooseProblem, VitrineError } from "./errors.js";
import { type FollowOptions, follow } from "./events.js";
import type { LogLine, SessionView } from "./generated.js";
import { type CallOptions, type Http, pause } from "./http.js";

export interface RunningOptions {
  signal?: AbortSignal | undefined;
  /** Called whenever the session was looked at, for showing the steps. */
  onProgress?: ((session: SessionView) => void) | undefined;
}

/** Between two looks at a session that starts: a warm one is there after some tens of milliseconds. */
const LOOK_EVERY_MS = 150;

export class SessionHandle {
  constructor(
    readonly http: Http,
    readonly appId: string,
  ) {}

  /** The session as it is. Its `preview_url` opens the preview once, within two minutes: ask again for each frame or tab. */
  get(options?: CallOptions): Promise<SessionView> {
    return this.http.json("GET /v1/apps/{app}/session", this.#request(), options);
  }

  /** Starts the session unless it runs; safe to call at any time. Answers at once, mostly with `starting`. */
  ensure(options?: CallOptions): Promise<SessionView> {
    return this.http.json("PUT /v1/apps/{app}/session", this.#request(), options);
  }

  /** Starts the session and waits until it runs; throws why it cannot. */
  async running({ signal, onProgress }: RunningOptions = {}): Promise<SessionView> {
    let session = await this.ensure({ signal });
    for (;;) {
      onProgress?.(session);
      if (session.status === "running") return session;
      if (session.status !== "starting" && session.status !== "frozen") throw notRunning(session);
      await pause(LOOK_EVERY_MS, signal);
      session = await this.get({ signal });
    }
  }

  /** Says that somebody looks: moves `expires_at`, and does nothing else. */
  heartbeat(options?: CallOptions): Promise<SessionView> {
    return this.http.json("POST /v1/apps/{app}/session/heartbeat", this.#request(), options);
  }

  /** A new sandbox and a new dev server at the same address. */
  restart(options?: CallOptions): Promise<SessionView> {
    return this.http.json("POST /v1/apps/{app}/session/restart", this.#request(), options);
  }

  /** Ends it, for everybody who looks at it through this person. */
  async stop(options?: CallOptions): Promise<void> {
    await this.http.json("DELETE /v1/apps/{app}/session", this.#request(), options);
  }

  /** The log, old lines and new, for as long as the loop goes on. `after` is the `seq` of a line. */
  async *logs(options: FollowOptions = {}): AsyncGenerator<LogLine, void> {
    const open = (last: string | undefined, signal: AbortSignal) =>
      this.http.stream(
        "GET /v1/apps/{app}/session/logs",
        { ...this.#request(), headers: resume(last) },
        { signal },
      );
    for await (const event of follow(open, () => false, options)) yield JSON.parse(event.data) as LogLine;
  }

  #request() {
    return { path: { app: this.appId } };
  }
}

/** The headers that make a stream go on after an event. */
export function resume(last: string | undefined): Record<string, string> {
  return { Accept: "text/event-stream", ...(last !== undefined && { "Last-Event-ID": last }) };
}

function notRunning({ status, error }: SessionView): VitrineError {
  if (error) return errorOfProblem(error as LooseProblem);
  const detail = `The session is ${status}.`;
  return new VitrineError({
    status: 409,
    code: "session_not_running",
    title: "The preview does not run",
    detail,
  });
}
