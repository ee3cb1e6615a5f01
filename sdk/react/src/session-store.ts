// An app's session, looked at: asked for, watched, and kept alive while somebody looks.
import type { AppHandle, SessionStatus, SessionView, VitrineError } from "@vitrine/client";
import { asError, isAlive } from "./faults.js";
import { Store } from "./store.js";

export interface SessionState {
  session: SessionView | undefined;
  /** Why it could not be asked for, or why it does not run. */
  error: VitrineError | undefined;
  /** True while a start, a restart or a stop was asked for and not yet answered. */
  isAsking: boolean;
}

const EAGER_MS = 250;
const CALM_MS = 2_000;
/** A start that takes longer installs packages: no reason to ask four times a second. */
const EAGER_FOR_MS = 15_000;
const SETTLED_MS = 10_000;
const HEARTBEAT_MS = 60_000;

export class SessionStore extends Store<SessionState> {
  readonly #app: AppHandle;
  #life: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #status: { is: SessionStatus | undefined; since: number } = { is: undefined, since: 0 };
  #isWanted = false;
  #lastBeat = 0;

  constructor(app: AppHandle) {
    super({ session: undefined, error: undefined, isAsking: false });
    this.#app = app;
  }

  /** Starts the session as soon as somebody looks, once. */
  want(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (this.#life) void this.ensure();
  }

  /** Starts it unless it runs. Never throws: `error` says why it could not. */
  readonly ensure = (): Promise<void> => this.#ask(() => this.#app.session.ensure());
  readonly restart = (): Promise<void> => this.#ask(() => this.#app.session.restart());

  /** Ends it. Only ever because somebody wants it. */
  readonly stop = (): Promise<void> => {
    return this.#ask(async () => {
      await this.#app.session.stop();
      return this.#app.session.get();
    });
  };

  /** Asks now; the answer's `preview_url` has not been used yet. Throws when there is no answer. */
  readonly fresh = async (): Promise<SessionView> => {
    const session = await this.#app.session.get();
    this.#take(session);
    return session;
  };

  /** Something has happened to it. */
  nudge(): void {
    this.#schedule(0);
  }

  protected live(signal: AbortSignal): void {
    this.#life = signal;
    const look = () => document.visibilityState === "visible" && this.#schedule(0);
    document.addEventListener("visibilitychange", look, { signal });
    signal.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#life = undefined;
      this.#isWanted = false;
    });
    if (this.#isWanted) void this.ensure();
    else this.#schedule(0);
  }

  async #ask(ask: () => Promise<SessionView>): Promise<void> {
    this.set({ isAsking: true, error: undefined });
    try {
      this.#take(await ask());
    } catch (error) {
      this.set({ error: asError(error) });
    } finally {
      this.set({ isAsking: false });
      this.#schedule();
    }
  }

  #take(session: SessionView): void {
    if (this.#status.is !== session.status) this.#status = { is: session.status, since: Date.now() };
    const problem = session.status === "error" ? session.error : undefined;
    this.set({ session, error: problem ? asError(problem) : undefined });
  }

  #schedule(pauseMs = this.#pauseMs()): void {
    clearTimeout(this.#timer);
    if (this.#life) this.#timer = setTimeout(() => void this.#look(), pauseMs);
  }

  async #look(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    try {
      const session = await this.#read(life);
      if (!life.aborted) this.#take(session);
    } catch (error) {
      if (life.aborted) return;
      const fault = asError(error);
      // Nothing has been started yet: no fault.
      if (fault.code !== "session_not_running" && fault.code !== "not_found") this.set({ error: fault });
    }
    this.#schedule();
  }

  /** A heartbeat says that somebody looks, and answers the session as well. */
  #read(signal: AbortSignal): Promise<SessionView> {
    const { session } = this.get();
    const isSeen = document.visibilityState === "visible" && session !== undefined && isAlive(session.status);
    // Often enough to be missed twice before the idle time is over.
    const every = Math.min(HEARTBEAT_MS, ((session?.idle_timeout_secs ?? 0) * 1000) / 3);
    if (!isSeen || Date.now() - this.#lastBeat < every) return this.#app.session.get({ signal });
    this.#lastBeat = Date.now();
    return this.#app.session.heartbeat({ signal });
  }

  #pauseMs(): number {
    if (this.#status.is !== "starting") return SETTLED_MS;
    return Date.now() - this.#status.since < EAGER_FOR_MS ? EAGER_MS : CALM_MS;
  }
}
