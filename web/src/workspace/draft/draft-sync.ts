// Keeps one draft in step with the server: edits go out as change sets, one at a time; what others changed comes in
// without ever touching unsaved text. No React in here; the page subscribes to `state`.
import { type ApiProblem, asProblem } from "../../api/problem";
import type { FileList, Op } from "../../api/types";
import { Retry } from "./backoff";
import type { DraftApi } from "./draft-api";
import {
  applyToTree,
  type DraftState,
  decodeText,
  judge,
  moveOpenFiles,
  type OpenFile,
  openFileOf,
  type SaveState,
  type TextFile,
} from "./draft-state";
import { DraftStore, type Write } from "./draft-store";
import type { Journal, JournalEntry } from "./journal";
import { sha256, sha256OfText } from "./sha256";

/** What is done to the draft other than typing, after everything typed so far. */
interface StructuralChange {
  run: () => Promise<void>;
  done: () => void;
  failed: (problem: ApiProblem) => void;
}

const DEBOUNCE_MS = 150;
/** Whoever types without a pause still sees their app follow. */
const MAX_WAIT_MS = 1_000;

export class DraftSync {
  #api: DraftApi;
  #store = new DraftStore();
  #retry = new Retry((waiting) => this.#store.set({ waiting }));
  #pumping = false;
  /** The writes that are on their way. */
  #inFlight = new Map<string, Write>();
  #writesDue = false;
  #refreshDue = true;
  #changes: StructuralChange[] = [];
  #debounce: ReturnType<typeof setTimeout> | undefined;
  #firstEditAt: number | undefined;
  #keys = 0;
  readonly #keyPrefix = Math.random().toString(36).slice(2);
  readonly #journal: Journal | undefined;
  /** The newest version that was heard of. */
  #heard = 0;
  readonly #comingBack: JournalEntry[] = [];

  /** With a journal, what is typed outlives the page; what an earlier page has left there comes back. */
  constructor(api: DraftApi, journal?: Journal) {
    this.#api = api;
    this.#journal = journal;
    if (!journal) return;
    this.#store.subscribe(() => journal.keep(this.#store.texts()));
    void this.#comeBack(journal);
  }

  get state(): DraftState {
    return this.#store.state;
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(listener);
  }

  /** True while something typed or asked for here has not been acknowledged. */
  get hasUnsaved(): boolean {
    return this.#store.texts().some((file) => file.dirty) || this.#changes.length > 0;
  }

  /** True while closing the page now would lose something: what is unsaved could not be kept in this browser. */
  get isAtRisk(): boolean {
    return this.hasUnsaved && this.#journal?.isKeeping !== true;
  }

  /** Reads the list of files again and takes over what others changed. */
  refresh(): void {
    this.#refreshDue = true;
    this.#pump();
  }

  /** Tells that the draft is at `version`, as seen elsewhere. */
  noticeVersion(version: number): void {
    this.#heard = Math.max(this.#heard, version);
    if (this.#store.state.version !== null) this.#pump();
  }

  /** Ends a pause before a retry, and sends refused text again. */
  retryNow(): void {
    this.#store.forgetRejections();
    this.#retry.now();
    this.flush();
  }

  /** Loads a file for editing; keeps what is open already. */
  open(path: string): void {
    const open = this.#store.state.openFiles.get(path);
    if (open && open.kind !== "failed") return;
    this.#store.put({ kind: "loading", path });
    void this.#load(path);
  }

  /** What is in the file here, with the last key that was pressed. */
  textOf(path: string): string | undefined {
    return this.#store.text(path)?.text;
  }

  edit(path: string, text: string): void {
    if (!this.#store.edit(path, text)) return;
    this.#journal?.keep(this.#store.texts());
    this.#schedule();
  }

  /** Forgets a file that is saved; an unsaved one stays until it is. */
  close(path: string): void {
    if (this.#store.text(path)?.dirty) this.flush();
    else this.#store.drop(path);
  }

  /** Sends what is unsaved without waiting for a pause in typing. */
  flush(): void {
    clearTimeout(this.#debounce);
    this.#firstEditAt = undefined;
    this.#writesDue = true;
    this.#pump();
  }

  /**
   * Sends what is unsaved, and answers how saving goes once that is known: `saved` when the server has everything typed,
   * else what keeps it from that. Waits neither for a person nor for a lost connection.
   */
  saved(): Promise<SaveState> {
    return new Promise((answer) => {
      const look = () => {
        const { save } = this.state;
        if (save.status === "saving" || (save.status === "saved" && this.hasUnsaved)) return;
        stop();
        answer(save);
      };
      const stop = this.subscribe(look);
      this.flush();
      look();
    });
  }

  /** Creates, deletes or renames, after everything typed so far. Rejects with an `ApiProblem`. */
  change(ops: Op[]): Promise<void> {
    return this.#queue(async () => {
      await this.#send(() => ops);
      const openFiles = moveOpenFiles(this.#store.state.openFiles, ops);
      this.#store.set({ files: applyToTree(this.#store.state.files, ops), openFiles });
    });
  }

  /**
   * Lets the server change the draft by itself (undo, redo, restore), after everything typed so far. `call` is repeated
   * under the same key when its answer is lost. Rejects with an `ApiProblem`.
   */
  travel(call: (idempotencyKey: string) => Promise<{ version: number }>): Promise<void> {
    return this.#queue(async () => {
      const key = this.#newKey();
      const { version } = await this.#retry.untilFinal(() => call(key));
      this.#heard = Math.max(this.#heard, version);
    });
  }

  /** The person has seen what came back. */
  forgetRestored(): void {
    this.#store.set({ restored: [] });
  }

  /** Takes back what came back: the files are as they were on the server. */
  async dropRestored(): Promise<void> {
    const restored = this.state.restored;
    this.forgetRestored();
    const ops: Op[] = [];
    for (const { path, baseSha } of restored) {
      if (this.#store.text(path)?.conflict) this.#store.takeTheirs(path);
      else if (baseSha === null) ops.push({ op: "delete", path });
      else ops.push({ op: "write", path, sha256: baseSha });
    }
    if (ops.length > 0) await this.change(ops);
  }

  /** Ends a conflict: the text here becomes the file. */
  keepMine(path: string): void {
    this.#store.keepMine(path);
    this.flush();
  }

  /** Ends a conflict: their text, or their deletion, is taken over. */
  takeTheirs(path: string): void {
    this.#store.takeTheirs(path);
  }

  #queue(run: () => Promise<void>): Promise<void> {
    return new Promise((done, failed) => {
      this.#changes.push({ run, done, failed });
      this.flush();
    });
  }

  #schedule(): void {
    const now = Date.now();
    this.#firstEditAt ??= now;
    const wait = Math.min(DEBOUNCE_MS, Math.max(0, this.#firstEditAt + MAX_WAIT_MS - now));
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => this.flush(), wait);
  }

  /** Does whatever is due, one thing after the other, until nothing is. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (await this.#step());
    } finally {
      this.#pumping = false;
    }
  }

  /** Does the one thing that is due first; false when nothing is. */
  async #step(): Promise<boolean> {
    const { version } = this.#store.state;
    if (this.#refreshDue || (version !== null && this.#heard > version)) {
      this.#refreshDue = false;
      await this.#readList();
      return true;
    }
    if (version === null) return false;
    const due = this.#writesDue ? this.#dueWrites() : [];
    if (due.length > 0) {
      await this.#sendWrites(due);
      return true;
    }
    this.#writesDue = false;
    const change = this.#changes[0];
    if (!change) return false;
    await this.#sendChange(change);
    this.#changes.shift();
    return true;
  }

  async #readList(): Promise<void> {
    // What comes back from here on is held against a later list.
    const back = this.#comingBack.splice(0);
    try {
      await this.#adopt(await this.#retry.untilFinal(() => this.#api.listFiles()));
      this.#store.set({ problem: null });
      this.#tellRestored(back);
    } catch (error) {
      this.#comingBack.push(...back);
      this.#store.set({ problem: asProblem(error) });
    }
    // A version that does not come is not asked for again and again.
    this.#heard = Math.min(this.#heard, this.#store.state.version ?? 0);
    // A conflict may just have dissolved.
    this.#writesDue = true;
  }

  #dueWrites(): TextFile[] {
    return this.#store.texts().filter((file) => file.dirty && !file.conflict && !file.rejected);
  }

  async #sendWrites(files: TextFile[]): Promise<void> {
    this.#store.set({ busy: true });
    const hash = async ({ path, text, baseSha }: TextFile): Promise<Write> => {
      return { path, text, baseSha, sha: await sha256OfText(text) };
    };
    const writes = await Promise.all(files.map(hash));
    let sent: Write[] = [];
    this.#inFlight = new Map(writes.map((write) => [write.path, write]));
    try {
      await this.#send(() => {
        sent = writes.filter((write) => this.#isDue(write));
        return sent.map(({ path, text }) => ({ op: "write", path, text }));
      });
      for (const write of writes) this.#store.acknowledge(write, sent.includes(write));
    } catch (error) {
      await this.#writeRefused(writes, asProblem(error));
    } finally {
      this.#inFlight.clear();
      this.#store.set({ busy: false });
    }
  }

  /**
   * False once the server has this very content, or something else: that the person has to decide about, or that the text
   * has taken in meanwhile, so that this older one would throw it out again.
   */
  #isDue({ path, sha, baseSha }: Write): boolean {
    const file = this.#store.text(path);
    return file?.dirty === true && !file.conflict && file.baseSha !== sha && file.baseSha === baseSha;
  }

  async #writeRefused(writes: Write[], problem: ApiProblem): Promise<void> {
    // One refused file must not hold up the others: each is asked about on its own.
    if (writes.length > 1) {
      const paths = new Set(writes.map((write) => write.path));
      for (const file of this.#dueWrites()) if (paths.has(file.path)) await this.#sendWrites([file]);
      return;
    }
    for (const { path, text } of writes) {
      const file = this.#store.text(path);
      if (file?.text === text) this.#store.put({ ...file, rejected: problem });
    }
  }

  async #sendChange({ run, done, failed }: StructuralChange): Promise<void> {
    this.#store.set({ busy: true });
    try {
      await run();
      done();
    } catch (error) {
      failed(asProblem(error));
    } finally {
      this.#store.set({ busy: false });
      this.#refreshDue = true;
    }
  }

  /** Sends one change set until there is a final answer; `ops` is asked anew after every conflict, [] ends it. */
  async #send(ops: () => Op[]): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      const current = ops();
      if (current.length === 0) return;
      const base_version = this.#store.state.version ?? 0;
      const key = this.#newKey();
      try {
        // A repeat after a lost answer is the same request with the same key: applied once.
        const call = () => this.#api.applyChanges({ base_version, ops: current }, key);
        const { version } = await this.#retry.untilFinal(call);
        this.#store.setVersion(version);
        if (version !== base_version + 1) this.#refreshDue = true;
        return;
      } catch (error) {
        if (asProblem(error).code !== "draft_conflict") throw error;
      }
      if (conflicts > 2) await this.#retry.pause(conflicts);
      await this.#adopt(await this.#retry.untilFinal(() => this.#api.listFiles()));
    }
  }

  #newKey(): string {
    return `${this.#keyPrefix}-${this.#keys++}`;
  }

  /** Puts back what an earlier page has left; then the server's list says whether anybody wrote something newer. */
  async #comeBack(journal: Journal): Promise<void> {
    const entries = await journal.left(Date.now());
    // Somebody who types in a file already has it as they want it; what was left stays for another time.
    const taken = entries.filter(({ path }) => !this.#store.text(path)?.dirty);
    if (taken.length === 0) return;
    for (const { path, text, baseSha } of taken) {
      const loadId = (this.#store.text(path)?.loadId ?? 0) + 1;
      this.#store.put({ kind: "text", path, text, baseSha, dirty: true, loadId });
    }
    this.#comingBack.push(...taken);
    this.refresh();
    await journal.settled();
    if (journal.isKeeping) await journal.forget(taken);
  }

  /** What the server had already needs no word. */
  #tellRestored(back: readonly JournalEntry[]): void {
    const unsaved = back.filter(({ path }) => this.#store.text(path)?.dirty);
    const restored = unsaved.map(({ path, baseSha }) => ({ path, baseSha }));
    if (restored.length > 0) this.#store.set({ restored });
  }

  /** Takes over the server's list, and what it says about every open file. */
  async #adopt(list: FileList): Promise<void> {
    if (list.version < (this.#store.state.version ?? 0)) return;
    this.#store.set({ version: list.version, files: list.files });
    for (const [path, file] of this.#store.state.openFiles) {
      const entry = list.files[path];
      if (file.kind === "text") await this.#reconcile(path, entry?.sha256 ?? null);
      else if (file.kind === "binary" && !entry) this.#store.drop(path);
      else if (file.kind === "binary" && entry)
        this.#store.put({ ...file, sha: entry.sha256, size: entry.size });
    }
  }

  async #reconcile(path: string, serverSha: string | null): Promise<void> {
    const before = this.#store.text(path);
    if (!before || serverSha === (before.conflict ? before.conflict.sha : before.baseSha)) return;
    const write = this.#inFlight.get(path);
    if (write && serverSha === write.sha) {
      this.#store.put({ ...before, baseSha: serverSha, baseText: write.text });
      return;
    }
    const bytes = serverSha === null ? null : await this.#readIfThere(path);
    const theirs = { sha: bytes && (await sha256(bytes)), text: bytes && (decodeText(bytes) ?? "") };
    const mySha = await sha256OfText(before.text);
    // Read again: the person may have typed while we asked.
    const file = this.#store.text(path);
    if (file) this.#store.takeOver(file, theirs, judge(file.baseSha, mySha, theirs.sha), before.text);
  }

  async #readIfThere(path: string): Promise<ArrayBuffer | null> {
    try {
      return await this.#retry.untilFinal(() => this.#api.readFile(path));
    } catch (error) {
      if (asProblem(error).status === 404) return null;
      throw error;
    }
  }

  async #load(path: string): Promise<void> {
    const file = await this.#api.readFile(path).then(
      async (bytes) => openFileOf(path, bytes, await sha256(bytes)),
      (error): OpenFile => ({ kind: "failed", path, problem: asProblem(error) }),
    );
    if (this.#store.state.openFiles.get(path)?.kind === "loading") this.#store.put(file);
  }
}
