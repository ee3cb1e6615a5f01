// The journal in the browser's database. A page that lives holds a lock by its name: what it writes is its own business.
import type { JournalEntry, JournalStorage } from "./journal";

const NAME = "vitrine-journal";
const STORE = "texts";
const LOCK = "vitrine-page-";

/** This page, for as long as it is loaded. */
export const PAGE = Array.from(crypto.getRandomValues(new Uint32Array(2)), (part) => part.toString(36)).join(
  "",
);

export class BrowserJournal implements JournalStorage {
  #database: Promise<IDBDatabase> | undefined;

  constructor() {
    // Held until the page is gone; the browser lets go of it then, whatever ended the page.
    navigator.locks?.request(LOCK + PAGE, () => new Promise(() => undefined)).catch(() => undefined);
  }

  async left(app: string): Promise<JournalEntry[]> {
    const store = (await this.#open()).transaction(STORE).objectStore(STORE);
    const range = IDBKeyRange.bound([app], [app, []]);
    const entries = (await answerOf(store.getAll(range))) as JournalEntry[];
    const living = await livingPages();
    return entries.filter(({ page }) => !living.has(page));
  }

  async apply(puts: readonly JournalEntry[], deletes: readonly JournalEntry[]): Promise<void> {
    const transaction = (await this.#open()).transaction(STORE, "readwrite", { durability: "relaxed" });
    const store = transaction.objectStore(STORE);
    for (const { app, page, path } of deletes) store.delete([app, page, path]);
    for (const entry of puts) store.put(entry);
    await new Promise<void>((done, failed) => {
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error);
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= this.#connect().catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    return this.#database;
  }

  async #connect(): Promise<IDBDatabase> {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () =>
      request.result.createObjectStore(STORE, { keyPath: ["app", "page", "path"] });
    const database = await answerOf(request);
    database.onclose = () => {
      this.#database = undefined;
    };
    // Another page may want a newer form of it.
    database.onversionchange = () => database.close();
    return database;
  }
}

/** The pages of this browser that live. Without locks, as on plain HTTP, only this one is known to. */
async function livingPages(): Promise<Set<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const names = held.map(({ name = "" }) => name).filter((name) => name.startsWith(LOCK));
  return new Set([PAGE, ...names.map((name) => name.slice(LOCK.length))]);
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
