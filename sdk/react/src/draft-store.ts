// An app's draft, looked at: which files there are, and writing them.
import type { AppHandle, ChangeSetResult, Content, FileList, VitrineError } from "@vitrine/client";
import { asError } from "./faults.js";
import { Store } from "./store.js";

export interface DraftState {
  /** The files by path, with hash and size; undefined until they are known. */
  files: FileList["files"] | undefined;
  version: number | undefined;
  /** Why the files could not be read, or what was written could not be saved, so far or for good. Nothing is half saved. */
  error: VitrineError | undefined;
  isSaving: boolean;
}

/** Between two looks for what others have changed. */
const LOOK_EVERY_MS = 10_000;

/** From one change set to the next while somebody types: what is typed meanwhile goes along as one. */
const SAVE_EVERY_MS = 150;

/** Between two attempts to save, when there was no answer. The client has repeated each by itself for some seconds. */
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 15_000;

interface Waiting {
  files: Record<string, Content>;
  saved: Promise<ChangeSetResult>;
}

export class DraftStore extends Store<DraftState> {
  readonly #app: AppHandle;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | undefined;
  #savedAt = 0;
  #life: AbortSignal | undefined;

  constructor(app: AppHandle) {
    super({ files: undefined, version: undefined, error: undefined, isSaving: false });
    this.#app = app;
  }

  /** A file as text. */
  readonly read = (path: string): Promise<string> => this.#app.draft.readText(path);

  /**
   * Writes files, all or none; may be called with every key. What is asked for while a change set is on its way goes along
   * in the next, also when nobody looks any more. While there is no answer it is tried again, for as long as the page is
   * open, and `error` says why; what is refused rejects.
   */
  readonly write = (files: Record<string, Content>): Promise<ChangeSetResult> => {
    if (this.#waiting) {
      Object.assign(this.#waiting.files, files);
      return this.#waiting.saved;
    }
    const all = { ...files };
    const saved = this.#last.then(() => this.#turn()).then(() => this.#save(all));
    this.#waiting = { files: all, saved };
    this.#last = saved.catch(() => undefined);
    this.set({ isSaving: true });
    return saved;
  };

  readonly refresh = async (signal?: AbortSignal): Promise<void> => {
    try {
      const { files, version } = await this.#app.draft.list({ signal });
      this.set({ files, version });
    } catch (error) {
      if (!signal?.aborted) this.set({ error: asError(error) });
    }
  };

  /** It is at this version, or at one that nobody knows. */
  nudge(version?: number): void {
    const known = this.get();
    // What is being saved here is told as well.
    const isOurs = known.isSaving || (version !== undefined && version <= (known.version ?? -1));
    if (this.#life && !isOurs) void this.refresh(this.#life);
  }

  protected live(signal: AbortSignal): void {
    this.#life = signal;
    signal.addEventListener("abort", () => {
      this.#life = undefined;
    });
    void this.refresh(signal);
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.refresh(signal);
    }, LOOK_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  #turn(): Promise<void> {
    const pauseMs = Math.max(0, this.#savedAt + SAVE_EVERY_MS - Date.now());
    return new Promise((resolve) => setTimeout(resolve, pauseMs));
  }

  async #save(files: Record<string, Content>): Promise<ChangeSetResult> {
    // From here on, what is written waits for the next one.
    this.#waiting = undefined;
    this.#savedAt = Date.now();
    try {
      const result = await this.#persist(files);
      this.set({ version: result.version, error: undefined });
      return result;
    } finally {
      this.set({ isSaving: this.#waiting !== undefined });
    }
  }

  async #persist(files: Record<string, Content>): Promise<ChangeSetResult> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MOST_PAUSE_MS)) {
      try {
        return await this.#app.draft.write(files);
      } catch (fault) {
        const error = asError(fault);
        this.set({ error });
        if (!error.isTransient) throw error;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}
