import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiProblem, noAnswer } from "../../api/problem";
import type { ChangeRequest, ChangeResponse, FileList, Op, Tree } from "../../api/types";
import type { DraftApi } from "./draft-api";
import { DraftSync } from "./draft-sync";
import { Journal, type JournalEntry, type JournalStorage } from "./journal";
import { sha256OfText } from "./sha256";

/** A server with one draft, that can be made to fail. */
class FakeServer implements DraftApi {
  version = 1;
  texts = new Map<string, string>();
  requests: { ops: Op[]; key: string }[] = [];
  /** Taken one by one: thrown instead of an answer, before or after the change was applied. */
  faults: { error: unknown; applied?: boolean }[] = [];
  #answered = new Map<string, ChangeResponse>();

  constructor(files: Record<string, string>) {
    this.texts = new Map(Object.entries(files));
  }

  async listFiles(): Promise<FileList> {
    const files: Tree = {};
    for (const [path, text] of this.texts)
      files[path] = { sha256: await sha256OfText(text), size: text.length, mode: "100644" };
    return { version: this.version, files };
  }

  async readFile(path: string): Promise<ArrayBuffer> {
    const text = this.texts.get(path);
    if (text === undefined) throw problem(404, "file_not_found");
    return new TextEncoder().encode(text).buffer;
  }

  async applyChanges({ base_version, ops }: ChangeRequest, key: string): Promise<ChangeResponse> {
    this.requests.push({ ops, key });
    const fault = this.faults.shift();
    if (fault && !fault.applied) throw fault.error;
    const repeated = this.#answered.get(key);
    if (repeated) return repeated;
    if (base_version !== this.version) throw problem(409, "draft_conflict");
    for (const op of ops) this.#apply(op);
    this.version += 1;
    const answer = { version: this.version };
    this.#answered.set(key, answer);
    if (fault) throw fault.error;
    return answer;
  }

  /** Somebody else writes. */
  write(path: string, text: string): void {
    this.texts.set(path, text);
    this.version += 1;
  }

  #apply(op: Op): void {
    if (op.op === "write" && "text" in op) this.texts.set(op.path, op.text);
    if (op.op === "delete") this.texts.delete(op.path);
    if (op.op !== "rename") return;
    this.texts.set(op.to, this.texts.get(op.from) ?? "");
    this.texts.delete(op.from);
  }
}

function problem(status: number, code: string): ApiProblem {
  return new ApiProblem({ type: "about:blank", title: code, status, code, detail: "" });
}

async function opened(files: Record<string, string>, path: string) {
  const server = new FakeServer(files);
  const draft = new DraftSync(server);
  draft.refresh();
  draft.open(path);
  await settle();
  return { server, draft };
}

/** Lets timers and promises run for `ms`. */
async function settle(ms = 200): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

const textOf = (draft: DraftSync, path: string) => {
  const file = draft.state.openFiles.get(path);
  return file?.kind === "text" ? file : undefined;
};

beforeEach(() => {
  vi.useFakeTimers();
  // The browser hashes on a thread of its own, which no fake clock waits for.
  vi.stubGlobal("crypto", {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("typing is sent once it pauses, as one write", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  for (const text of ["12", "123", "1234"]) draft.edit("a", text);
  expect(draft.state.save.status).toBe("saving");
  await settle();
  expect(server.requests.map(({ ops }) => ops)).toEqual([[{ op: "write", path: "a", text: "1234" }]]);
  expect(draft.state).toMatchObject({ version: 2, save: { status: "saved" } });
  expect(draft.hasUnsaved).toBe(false);
});

test("typing without a pause is sent all the same", async () => {
  const { server, draft } = await opened({ a: "" }, "a");
  for (let n = 0; n < 20; n++) {
    draft.edit("a", "x".repeat(n + 1));
    await settle(100);
  }
  expect(server.requests.length).toBeGreaterThanOrEqual(1);
});

test("text typed back to what it was is not sent", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  draft.edit("a", "2");
  draft.edit("a", "1");
  await settle();
  expect(server.requests).toEqual([]);
  expect(draft.state.save.status).toBe("saved");
});

test("a lost answer is asked for again and applied once", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.faults = [{ error: noAnswer(), applied: true }, { error: noAnswer() }];
  draft.edit("a", "2");
  await settle(180);
  expect(draft.state.save.status).toBe("offline");
  draft.edit("a", "23");
  await settle(5_000);
  const keys = server.requests.map(({ key }) => key);
  expect(new Set(keys.slice(0, 3)).size).toBe(1);
  expect(server.texts.get("a")).toBe("23");
  expect(server.version).toBe(3);
  expect(draft.state.save.status).toBe("saved");
});

test("a change of another file by somebody else is no conflict", async () => {
  const { server, draft } = await opened({ a: "1", lock: "old" }, "a");
  server.write("lock", "new");
  draft.edit("a", "2");
  await settle();
  expect(server.texts).toEqual(new Map(Object.entries({ a: "2", lock: "new" })));
  expect(draft.state).toMatchObject({ version: 3, save: { status: "saved" } });
});

test("a change of the same file keeps both until the person chooses theirs", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.write("a", "theirs");
  draft.edit("a", "mine");
  await settle();
  expect(draft.state.save).toEqual({ status: "conflict", paths: ["a"] });
  expect(textOf(draft, "a")).toMatchObject({ text: "mine", conflict: { text: "theirs" } });
  expect(server.texts.get("a")).toBe("theirs");
  draft.takeTheirs("a");
  expect(textOf(draft, "a")).toMatchObject({ text: "theirs", dirty: false });
  expect(draft.state.save.status).toBe("saved");
});

test("a change of the same file keeps both until the person keeps theirs out", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.write("a", "theirs");
  draft.edit("a", "mine");
  await settle();
  draft.edit("a", "mine, longer");
  draft.keepMine("a");
  await settle();
  expect(server.texts.get("a")).toBe("mine, longer");
  expect(draft.state.save.status).toBe("saved");
});

test("a conflict in one file does not hold up another", async () => {
  const { server, draft } = await opened({ a: "1", b: "1" }, "a");
  draft.open("b");
  await settle();
  server.write("a", "theirs");
  draft.edit("a", "mine");
  draft.edit("b", "mine");
  await settle();
  expect(server.texts).toEqual(new Map(Object.entries({ a: "theirs", b: "mine" })));
});

test("a file deleted by somebody else keeps its unsaved text", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.texts.delete("a");
  server.version += 1;
  draft.edit("a", "mine");
  await settle();
  expect(textOf(draft, "a")?.conflict).toEqual({ sha: null, text: null });
  draft.keepMine("a");
  await settle();
  expect(server.texts.get("a")).toBe("mine");
});

test("what others changed is taken over quietly where nothing is unsaved", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.write("a", "theirs");
  draft.noticeVersion(2);
  await settle();
  expect(textOf(draft, "a")).toMatchObject({ text: "theirs", dirty: false, loadId: 1 });
});

test("a refused file does not hold up the others, and is sent again after an edit", async () => {
  const { server, draft } = await opened({ a: "1", b: "1" }, "a");
  draft.open("b");
  await settle();
  const refusal = problem(413, "limit_exceeded");
  server.faults = [{ error: refusal }, { error: refusal }];
  draft.edit("a", "too large");
  draft.edit("b", "2");
  await settle();
  expect(server.texts.get("b")).toBe("2");
  expect(draft.state.save).toMatchObject({ status: "failed", retrying: false });
  draft.edit("a", "small");
  await settle();
  expect(server.texts.get("a")).toBe("small");
  expect(draft.state.save.status).toBe("saved");
});

test("a rename comes after what was typed, and takes the open file along", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  draft.edit("a", "2");
  const renamed = draft.change([{ op: "rename", from: "a", to: "b" }]);
  await settle();
  await renamed;
  expect(server.texts).toEqual(new Map([["b", "2"]]));
  expect(textOf(draft, "b")).toMatchObject({ text: "2", dirty: false });
  expect(draft.state.openFiles.has("a")).toBe(false);
});

test("a refused change says so and leaves everything as it was", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.faults = [{ error: problem(404, "file_not_found") }];
  const change = draft.change([{ op: "delete", path: "nowhere" }]);
  const outcome = expect(change).rejects.toMatchObject({ code: "file_not_found" });
  await settle();
  await outcome;
  expect(Object.keys(draft.state.files)).toEqual(["a"]);
});

test("an app that is gone is told, not asked for for ever", async () => {
  const server = new FakeServer({});
  const list = vi.spyOn(server, "listFiles").mockRejectedValue(problem(404, "not_found"));
  const draft = new DraftSync(server);
  draft.refresh();
  await settle(60_000);
  expect(list).toHaveBeenCalledTimes(1);
  expect(draft.state.problem?.code).toBe("not_found");
});

test("whoever waits for the draft to be saved hears it when the server has everything", async () => {
  const { server, draft } = await opened({ a: "1", b: "2" }, "a");
  draft.edit("a", "12");
  const renamed = draft.change([{ op: "rename", from: "b", to: "c" }]);
  const saved = draft.saved();
  await settle(0);
  await expect(saved).resolves.toEqual({ status: "saved" });
  expect([...server.texts]).toEqual([
    ["a", "12"],
    ["c", "2"],
  ]);
  await renamed;
});

test("whoever waits for the draft to be saved hears what keeps it from that", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  server.faults.push({ error: noAnswer() });
  draft.edit("a", "12");
  const offline = draft.saved();
  await settle(0);
  await expect(offline).resolves.toMatchObject({ status: "offline" });
  await settle(20_000);
  await expect(draft.saved()).resolves.toEqual({ status: "saved" });
  draft.edit("a", "mine");
  server.write("a", "theirs");
  const conflict = draft.saved();
  await settle(0);
  await expect(conflict).resolves.toEqual({ status: "conflict", paths: ["a"] });
});

test("two people at different places of a file both keep what they wrote, without being asked", async () => {
  const { server, draft } = await opened({ a: "one\ntwo\nthree\n" }, "a");
  server.write("a", "one\ntwo\nTHREE\n");
  draft.edit("a", "ONE\ntwo\nthree\n");
  await settle();
  expect(server.texts.get("a")).toBe("ONE\ntwo\nTHREE\n");
  expect(textOf(draft, "a")).toMatchObject({ text: "ONE\ntwo\nTHREE\n", dirty: false, loadId: 1 });
  expect(draft.state.save.status).toBe("saved");
});

test("a version that is heard of while something is sent is read afterwards", async () => {
  const { server, draft } = await opened({ a: "1", b: "1" }, "b");
  draft.open("a");
  await settle();
  draft.edit("a", "2");
  draft.flush();
  server.write("b", "theirs");
  draft.noticeVersion(server.version);
  await settle();
  expect(textOf(draft, "b")?.text).toBe("theirs");
  expect(server.texts.get("a")).toBe("2");
});

test("going back in the history comes after what was typed, and shows what the server has then", async () => {
  const { server, draft } = await opened({ a: "1" }, "a");
  draft.edit("a", "2");
  const typed: string[] = [];
  const gone = draft.travel(async () => {
    typed.push(server.texts.get("a") ?? "");
    server.write("a", "before");
    return { version: server.version };
  });
  await settle();
  await gone;
  expect(typed).toEqual(["2"]);
  expect(textOf(draft, "a")).toMatchObject({ text: "before", dirty: false });
});

/** A browser's storage: what a page has written outlives it. */
class FakeStorage implements JournalStorage {
  entries: JournalEntry[] = [];
  broken = false;
  living = new Set<string>();

  async left(app: string): Promise<JournalEntry[]> {
    return this.entries.filter((entry) => entry.app === app && !this.living.has(entry.page));
  }

  async apply(puts: readonly JournalEntry[], deletes: readonly JournalEntry[]): Promise<void> {
    if (this.broken) throw new Error("quota");
    const gone = (entry: JournalEntry) =>
      [...puts, ...deletes].some((other) => other.page === entry.page && other.path === entry.path);
    this.entries = [...this.entries.filter((entry) => !gone(entry)), ...puts];
  }
}

/** A page with a journal; the one before it is gone. */
async function page(server: FakeServer, storage: FakeStorage, name: string): Promise<DraftSync> {
  storage.living = new Set([name]);
  const draft = new DraftSync(server, new Journal("app", name, storage));
  draft.refresh();
  await settle();
  return draft;
}

test("what was typed and not saved comes back in the next page, and is saved there", async () => {
  const server = new FakeServer({ a: "1" });
  const storage = new FakeStorage();
  const first = await page(server, storage, "p1");
  first.open("a");
  await settle();
  server.faults = Array.from({ length: 9 }, () => ({ error: noAnswer() }));
  first.edit("a", "12");
  first.edit("a", "123");
  await settle(0);
  expect(storage.entries.map(({ text }) => text)).toEqual(["123"]);
  server.faults = [];
  // The first page is gone with its timers; what it had typed is all that is left of it.
  vi.clearAllTimers();
  const second = await page(server, storage, "p2");
  expect(second.state.restored).toEqual([{ path: "a", baseSha: await sha256OfText("1") }]);
  expect(server.texts.get("a")).toBe("123");
  expect(storage.entries).toEqual([]);
});

test("what comes back is never put over something newer: both are shown", async () => {
  const server = new FakeServer({ a: "newer" });
  const storage = new FakeStorage();
  const left = {
    app: "app",
    page: "p1",
    path: "a",
    text: "mine",
    baseSha: await sha256OfText("1"),
    at: Date.now(),
  };
  storage.entries = [left];
  const draft = await page(server, storage, "p2");
  expect(textOf(draft, "a")).toMatchObject({ text: "mine", conflict: { text: "newer" } });
  expect(server.texts.get("a")).toBe("newer");
  expect(storage.entries.map(({ page, text }) => [page, text])).toEqual([["p2", "mine"]]);
});

test("what was saved after all comes back without a word", async () => {
  const server = new FakeServer({ a: "mine" });
  const storage = new FakeStorage();
  storage.entries = [
    { app: "app", page: "p1", path: "a", text: "mine", baseSha: await sha256OfText("1"), at: Date.now() },
  ];
  const draft = await page(server, storage, "p2");
  expect(draft.state.restored).toEqual([]);
  expect(draft.hasUnsaved).toBe(false);
  expect(storage.entries).toEqual([]);
});

test("what came back can be thrown away: the file is as it was", async () => {
  const server = new FakeServer({ a: "1" });
  const base = await sha256OfText("1");
  const storage = new FakeStorage();
  storage.entries = [{ app: "app", page: "p1", path: "a", text: "rubbish", baseSha: base, at: Date.now() }];
  const draft = await page(server, storage, "p2");
  expect(server.texts.get("a")).toBe("rubbish");
  const dropped = draft.dropRestored();
  await settle();
  await dropped;
  expect(server.requests.at(-1)?.ops).toEqual([{ op: "write", path: "a", sha256: base }]);
  expect(draft.state.restored).toEqual([]);
});

test("another page that lives keeps its own", async () => {
  const server = new FakeServer({ a: "1" });
  const storage = new FakeStorage();
  storage.entries = [{ app: "app", page: "p1", path: "a", text: "typing", baseSha: null, at: Date.now() }];
  storage.living = new Set(["p1", "p2"]);
  const draft = new DraftSync(server, new Journal("app", "p2", storage));
  await settle();
  expect(draft.hasUnsaved).toBe(false);
  expect(storage.entries).toHaveLength(1);
});

test("a browser that keeps nothing is told apart: closing the page would lose something then", async () => {
  const server = new FakeServer({ a: "1" });
  const storage = new FakeStorage();
  const draft = await page(server, storage, "p1");
  draft.open("a");
  await settle();
  server.faults = Array.from({ length: 99 }, () => ({ error: noAnswer() }));
  draft.edit("a", "2");
  await settle(0);
  expect(draft.isAtRisk).toBe(false);
  storage.broken = true;
  draft.edit("a", "23");
  await settle(0);
  expect(draft.isAtRisk).toBe(true);
});
