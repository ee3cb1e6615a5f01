// What was typed and is not on the server yet, kept in this browser: a reload, a crash or a closed tab loses nothing.
import type { TextFile } from "./draft-state";

export interface JournalEntry {
  app: string;
  /** The page that wrote it; two pages with the same file never write over each other. */
  page: string;
  path: string;
  text: string;
  /** As in `TextFile`: what the text grew from. */
  baseSha: string | null;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Where entries are kept. Every call may fail: then nothing is kept, and nothing else breaks. */
export interface JournalStorage {
  /** The entries of `app` whose page is gone. */
  left(app: string): Promise<JournalEntry[]>;
  /** Writes and deletes in one step; an entry is known by app, page and path. */
  apply(puts: readonly JournalEntry[], deletes: readonly JournalEntry[]): Promise<void>;
}

/** What nobody has come back for in a month is not offered any more. */
export const KEEP_DAYS = 30;
const DAY_MS = 86_400_000;

/** The journal of one app in one page. */
export class Journal {
  readonly #app: string;
  readonly #page: string;
  readonly #storage: JournalStorage;
  #wanted = new Map<string, TextFile>();
  #kept = new Map<string, JournalEntry>();
  #writing = Promise.resolve();
  #isWriting = false;
  #isKeeping = true;

  constructor(app: string, page: string, storage: JournalStorage) {
    this.#app = app;
    this.#page = page;
    this.#storage = storage;
  }

  /** False once something could not be kept; true again when it can. */
  get isKeeping(): boolean {
    return this.#isKeeping;
  }

  /** Keeps the unsaved ones of `files`, and forgets what is saved. Cheap: called with every key that is pressed. */
  keep(files: readonly TextFile[]): void {
    this.#wanted = new Map(files.filter(({ dirty }) => dirty).map((file) => [file.path, file]));
    if (!this.#isWriting) this.#writing = this.#write();
  }

  /** Ends when everything handed to `keep` so far is kept. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** What pages that are gone have left, the newest of each file; undefined entries of others are left alone. */
  async left(nowMs: number): Promise<JournalEntry[]> {
    const entries = await this.#storage.left(this.#app).catch(() => []);
    const old = entries.filter(({ at }) => nowMs - at > KEEP_DAYS * DAY_MS);
    await this.forget(old);
    const newest = new Map<string, JournalEntry>();
    for (const entry of entries) {
      const other = newest.get(entry.path);
      if (!old.includes(entry) && (!other || other.at < entry.at)) newest.set(entry.path, entry);
    }
    return [...newest.values()];
  }

  async forget(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length > 0) await this.#storage.apply([], entries).catch(() => undefined);
  }

  /** One write at a time, each with all that has changed meanwhile: typing is never waited for. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    for (;;) {
      const puts = [...this.#wanted.values()]
        .filter((file) => this.#differs(file))
        .map((file) => this.#entry(file));
      const deletes = [...this.#kept.values()].filter(({ path }) => !this.#wanted.has(path));
      if (puts.length + deletes.length === 0) break;
      try {
        await this.#storage.apply(puts, deletes);
      } catch {
        this.#isKeeping = false;
        break;
      }
      this.#isKeeping = true;
      for (const entry of puts) this.#kept.set(entry.path, entry);
      for (const { path } of deletes) this.#kept.delete(path);
    }
    this.#isWriting = false;
  }

  #differs({ path, text, baseSha }: TextFile): boolean {
    const kept = this.#kept.get(path);
    return !kept || kept.text !== text || kept.baseSha !== baseSha;
  }

  #entry({ path, text, baseSha }: TextFile): JournalEntry {
    return { app: this.#app, page: this.#page, path, text, baseSha, at: Date.now() };
  }
}
