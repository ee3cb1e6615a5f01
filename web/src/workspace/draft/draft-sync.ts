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
import { sha256, sha256OfText } from "./sha256";

interface StructuralChange {
  ops: Op[];
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
  /** The hashes of the writes that are on their way. */
  #inFlight = new Map<string, string>();
  #writesDue = false;
  #refreshDue = true;
  #changes: StructuralChange[] = [];
  #debounce: ReturnType<typeof setTimeout> | undefined;
  #firstEditAt: number | undefined;
  #keys = 0;
  readonly #keyPrefix = Math.random().toString(36).slice(2);

  constructor(api: DraftApi) {
    this.#api = api;
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

  /** Reads the list of files again and takes over what others changed. */
  refresh(): void {
    this.#refreshDue = true;
    this.#pump();
  }

  /** Tells that the draft is at `version`, as seen elsewhere. */
  noticeVersion(version: number): void {
    const mine = this.#store.state.version;
    if (!this.#pumping && mine !== null && version > mine) this.refresh();
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

  edit(path: string, text: string): void {
    if (this.#store.edit(path, text)) this.#schedule();
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
    return new Promise((done, failed) => {
      this.#changes.push({ ops, done, failed });
      this.flush();
    });
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
    if (this.#refreshDue) {
      this.#refreshDue = false;
      await this.#readList();
      return true;
    }
    if (this.#store.state.version === null) return false;
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
    try {
      await this.#adopt(await this.#retry.untilFinal(() => this.#api.listFiles()));
      this.#store.set({ problem: null });
    } catch (error) {
      this.#store.set({ problem: asProblem(error) });
    }
    // A conflict may just have dissolved.
    this.#writesDue = true;
  }

  #dueWrites(): TextFile[] {
    return this.#store.texts().filter((file) => file.dirty && !file.conflict && !file.rejected);
  }

  async #sendWrites(files: TextFile[]): Promise<void> {
    this.#store.set({ busy: true });
    const hash = async ({ path, text }: TextFile) => ({ path, text, sha: await sha256OfText(text) });
    const writes = await Promise.all(files.map(hash));
    let sent: Write[] = [];
    this.#inFlight = new Map(writes.map(({ path, sha }) => [path, sha]));
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

  /** False once the server has this very content, or something else that the person has to decide about. */
  #isDue({ path, sha }: Write): boolean {
    const file = this.#store.text(path);
    return file?.dirty === true && !file.conflict && file.baseSha !== sha;
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

  async #sendChange({ ops, done, failed }: StructuralChange): Promise<void> {
    this.#store.set({ busy: true });
    try {
      await this.#send(() => ops);
      const openFiles = moveOpenFiles(this.#store.state.openFiles, ops);
      this.#store.set({ files: applyToTree(this.#store.state.files, ops), openFiles });
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
      const key = `${this.#keyPrefix}-${this.#keys++}`;
      try {
        // A repeat after a lost answer is the same request with the same key: applied once.
        const call = () => this.#api.applyChanges({ base_version, ops: current }, key);
        const { version } = await this.#retry.untilFinal(call);
        this.#store.set({ version });
        if (version !== base_version + 1) this.#refreshDue = true;
        return;
      } catch (error) {
        if (asProblem(error).code !== "draft_conflict") throw error;
      }
      if (conflicts > 2) await this.#retry.pause(conflicts);
      await this.#adopt(await this.#retry.untilFinal(() => this.#api.listFiles()));
    }
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
    if (serverSha !== null && serverSha === this.#inFlight.get(path)) {
      this.#store.put({ ...before, baseSha: serverSha });
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
