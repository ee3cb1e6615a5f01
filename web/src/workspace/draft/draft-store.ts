// The state of one draft in this page, and the only way to change it.
import type { ApiProblem } from "../../api/problem";
import {
  type Conflict,
  type DraftState,
  type OpenFile,
  type SaveState,
  saveStateOf,
  type TextFile,
  type Verdict,
} from "./draft-state";
import { mergeApart } from "./merge";

/** Text on its way to the server, with its hash. */
export interface Write {
  path: string;
  text: string;
  sha: string;
  /** What the text had grown from when it was sent off. */
  baseSha: string | null;
}

interface Part extends Partial<Omit<DraftState, "save">> {
  /** Why sending pauses before it is tried again. */
  waiting?: ApiProblem | null;
  /** Whether something is being sent. */
  busy?: boolean;
}

export class DraftStore {
  #state: DraftState = {
    version: null,
    files: {},
    openFiles: new Map(),
    problem: null,
    save: { status: "saved" },
    restored: [],
  };
  #waiting: ApiProblem | null = null;
  #busy = false;
  #isNewsWaiting = false;
  #listeners = new Set<() => void>();

  get state(): DraftState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  texts(): TextFile[] {
    return [...this.#state.openFiles.values()].filter((file) => file.kind === "text");
  }

  text(path: string): TextFile | undefined {
    const file = this.#state.openFiles.get(path);
    return file?.kind === "text" ? file : undefined;
  }

  put(file: OpenFile): void {
    this.set({ openFiles: new Map(this.#state.openFiles).set(file.path, file) });
  }

  drop(path: string): void {
    const openFiles = new Map(this.#state.openFiles);
    openFiles.delete(path);
    this.set({ openFiles });
  }

  /** Whoever listens hears of it, unless nothing that is seen has changed. */
  set({ waiting = this.#waiting, busy = this.#busy, ...part }: Part): void {
    this.#waiting = waiting;
    this.#busy = busy;
    const next = { ...this.#state, ...part };
    const save = saveStateOf(next.openFiles, waiting, busy);
    const isSaveSame = isSameSave(save, this.#state.save);
    const isSeen = this.#isNewsWaiting || !isSaveSame || Object.keys(part).length > 0;
    this.#state = { ...next, save: isSaveSame ? this.#state.save : save };
    if (!isSeen) return;
    this.#isNewsWaiting = false;
    for (const listener of this.#listeners) listener();
  }

  /** Takes over the draft's version; told together with what it brings, which follows at once. */
  setVersion(version: number): void {
    this.#state = { ...this.#state, version };
    this.#isNewsWaiting = true;
  }

  /** Takes in what was typed; false when it changes nothing. */
  edit(path: string, text: string): boolean {
    const file = this.text(path);
    if (!file || file.text === text) return false;
    const { rejected, ...rest } = file;
    const next = { ...rest, text, dirty: true };
    // Nothing but the text is new, and that is on the screen already: nobody has to be told with every key.
    if (file.dirty && !rejected) this.#putQuietly(next);
    else this.put(next);
    return true;
  }

  #putQuietly(file: TextFile): void {
    this.#state = { ...this.#state, openFiles: new Map(this.#state.openFiles).set(file.path, file) };
  }

  /** Makes refused texts due again. */
  forgetRejections(): void {
    for (const { rejected: _, ...file } of this.texts()) this.put(file);
  }

  /** Ends a conflict: the text here becomes the file. */
  keepMine(path: string): void {
    const file = this.text(path);
    if (!file?.conflict) return;
    const { conflict, ...rest } = file;
    // What was typed beside theirs is not in the editor of this file alone.
    this.put({ ...rest, ...baseOf(conflict), dirty: true, loadId: file.loadId + 1 });
  }

  /** Ends a conflict: their text, or their deletion, is taken over. */
  takeTheirs(path: string): void {
    const file = this.text(path);
    if (!file?.conflict) return;
    const { conflict, ...rest } = file;
    const { text } = conflict;
    if (text === null) this.drop(path);
    else this.put({ ...rest, text, ...baseOf(conflict), dirty: false, loadId: file.loadId + 1 });
  }

  /** Notes that the server has `write`, unless something newer is known of the file. */
  acknowledge({ path, text, sha }: Write, wasSent: boolean): void {
    const file = this.text(path);
    if (!file || file.conflict || !(wasSent || file.baseSha === sha)) return;
    const size = new TextEncoder().encode(text).length;
    const mode = this.#state.files[path]?.mode ?? "100644";
    const saved = { ...file, baseSha: sha, baseText: text, dirty: file.text !== text };
    this.set({
      files: { ...this.#state.files, [path]: { sha256: sha, size, mode } },
      openFiles: new Map(this.#state.openFiles).set(path, saved),
    });
  }

  /** Takes over what the server has instead of what the file was based on; unsaved text stays. */
  takeOver(file: TextFile, theirs: Conflict, verdict: Verdict, judgedText: string): void {
    const { conflict: _, ...rest } = file;
    if (verdict === "already_saved") {
      this.put({ ...rest, baseSha: theirs.sha, baseText: judgedText, dirty: file.text !== judgedText });
    } else if (verdict === "unchanged") {
      this.put(rest);
    } else if (file.dirty) {
      this.#meet(rest, theirs);
    } else if (theirs.text === null) {
      this.drop(file.path);
    } else {
      this.put({ ...rest, text: theirs.text, ...baseOf(theirs), loadId: file.loadId + 1 });
    }
  }

  /** Unsaved text and a change of somebody else: put together where they are apart, else both are kept. */
  #meet(file: TextFile, theirs: Conflict): void {
    const { baseSha, baseText, text } = file;
    const isKnown = baseSha !== null && baseText !== undefined;
    const merged = isKnown && theirs.text !== null ? mergeApart(baseText, text, theirs.text) : null;
    if (merged === null) this.put({ ...file, conflict: theirs });
    else this.put({ ...file, text: merged, ...baseOf(theirs), loadId: file.loadId + 1 });
  }
}

function isSameSave(a: SaveState, b: SaveState): boolean {
  if (a.status !== b.status) return false;
  if (a.status === "conflict" && b.status === "conflict") return a.paths.join("\n") === b.paths.join("\n");
  if (!("problem" in a) || !("problem" in b)) return true;
  return a.problem === b.problem && ("retrying" in a && a.retrying) === ("retrying" in b && b.retrying);
}

function baseOf({ sha, text }: Conflict): Pick<TextFile, "baseSha" | "baseText"> {
  return { baseSha: sha, ...(text !== null && { baseText: text }) };
}
