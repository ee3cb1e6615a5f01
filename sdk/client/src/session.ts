// An app's session: the live preview of its draft. Nothing here ends one but `stop`.
import { errorOfProblem, type LooseProblem, noAnswer, VitrineError } from "./errors.js";
import { eventsOf, type FollowOptions, follow } from "./events.js";
import type { ExecOutput, KeptPreviewEvent, LogLine, SessionView } from "./generated.js";
import { type CallOptions, type Http, pause } from "./http.js";

export interface RunningOptions {
  signal?: AbortSignal | undefined;
  /** Called whenever the session was looked at, for showing the steps. */
  onProgress?: ((session: SessionView) => void) | undefined;
}

export interface ExecOptions {
  /** The command is killed after this. */
  timeoutSecs?: number;
  /** Of its output, the first so many bytes. */
  maxOutputBytes?: number;
  /** Ends the command, with everything that it has started. */
  signal?: AbortSignal | undefined;
}

/** How a command ended. */
export interface ExecExit {
  /** Of a command that ended by itself. */
  code?: number;
  /** What ended it, otherwise. */
  signal?: number;
  /** Its time was up. */
  timed_out: boolean;
  /** The sandbox had no memory left for it. */
  out_of_memory: boolean;
  /** There was more output than was passed on. */
  truncated: boolean;
  duration_ms: number;
}

/** A piece of a command's output, or its end. */
export type ExecEvent = ({ type: "output" } & ExecOutput) | ({ type: "exit" } & ExecExit);

/** A command that has ended. */
export type ExecResult = ExecExit & { stdout: string; stderr: string };

/** A command may be silent for as long as it likes; the server says something every 15 s. */
const EXEC_SILENCE_MS = 60_000;

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

  /**
   * What the preview's page tells through the bridge: console, faults, failed requests; the last ones, and then as it happens.
   * `after` is the `seq` of an event. All of it is text that the app, or somebody who attacks it, has written.
   */
  async *events(options: FollowOptions = {}): AsyncGenerator<KeptPreviewEvent, void> {
    const operation = "GET /v1/apps/{app}/session/events";
    const open = (last: string | undefined, signal: AbortSignal) =>
      this.http.stream(operation, { ...this.#request(), headers: resume(last) }, { signal });
    for await (const { event, data } of follow(open, () => false, options)) {
      if (event === "preview") yield JSON.parse(data) as KeptPreviewEvent;
    }
  }

  /** Runs a command in the sandbox of the session. Leaving the loop ends the command. No shell reads `argv`. */
  async *exec(argv: string[], options: ExecOptions = {}): AsyncGenerator<ExecEvent, void> {
    const { timeoutSecs, maxOutputBytes, signal } = options;
    const body = {
      argv,
      ...(timeoutSecs !== undefined && { timeout_secs: timeoutSecs }),
      ...(maxOutputBytes !== undefined && { max_output_bytes: maxOutputBytes }),
    };
    const connection = new AbortController();
    const both = signal ? AbortSignal.any([signal, connection.signal]) : connection.signal;
    const request = { ...this.#request(), body, headers: { Accept: "text/event-stream" } };
    try {
      const response = await this.http.stream("POST /v1/apps/{app}/session/exec", request, { signal: both });
      for await (const { event, data } of eventsOf(response, both, EXEC_SILENCE_MS)) {
        if (event === "output") yield { type: "output", ...(JSON.parse(data) as ExecOutput) };
        if (event === "exit") return yield { type: "exit", ...(JSON.parse(data) as ExecExit) };
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof VitrineError ? error : noAnswer(error);
    } finally {
      connection.abort();
    }
    throw noAnswer("the connection ended before the command");
  }

  /** Runs a command to its end. A command that fails is no exception: look at `code`. */
  async run(argv: string[], options?: ExecOptions): Promise<ExecResult> {
    const output = { stdout: "", stderr: "" };
    for await (const event of this.exec(argv, options)) {
      if (event.type === "output") output[event.stream] += event.text;
      else return { ...event, ...output };
    }
    throw noAnswer("the connection ended before the command");
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
