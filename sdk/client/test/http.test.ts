// What a call promises: which attempts are made, what they carry, and what is thrown.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type HttpOptions, Vitrine, VitrineError } from "../src/index.js";
import { FakeServer, json, problem } from "./fake-server.js";

const KEY = { key: "vt_test" };

function clientOf(server: FakeServer, options: Partial<HttpOptions> = {}): Vitrine {
  return new Vitrine({ url: "https://vitrine.example.com", auth: KEY, fetch: server.fetch, ...options });
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets pauses pass while `work` goes on. */
async function settled<T>(work: Promise<T>): Promise<T | unknown> {
  const result = work.then(
    (value) => value,
    (error: unknown) => error,
  );
  await vi.runAllTimersAsync();
  return result;
}

test("a call carries the key and asks for what it names", async () => {
  const server = new FakeServer(json({ id: "app_1", name: "Shop" }));
  const app = await clientOf(server).apps.get("app_1");
  expect(app.view.name).toBe("Shop");
  expect(server.asked[0]?.url.href).toBe("https://vitrine.example.com/v1/apps/app_1");
  expect(server.asked[0]?.headers.get("authorization")).toBe("Bearer vt_test");
});

test("a mutation that gets no answer is sent again under the same idempotency key", async () => {
  const server = new FakeServer(
    new TypeError("fetch failed"),
    problem(503, "shutting_down"),
    json({ id: "app_1" }),
  );
  const client = clientOf(server);
  await settled(client.apps.create({ name: "Shop", template: "chat-soft" }));
  expect(server.asked).toHaveLength(3);
  const keys = new Set(server.asked.map(({ headers }) => headers.get("idempotency-key")));
  expect(keys.size).toBe(1);
  expect([...keys][0]).toMatch(/^[0-9a-f]{32}$/);
});

test("two calls never share an idempotency key, unless the caller says so", async () => {
  const server = new FakeServer(json({}));
  const { draft } = clientOf(server).app("app_1");
  await draft.write({ a: "1" });
  await draft.write({ a: "1" });
  await draft.write({ a: "1" }, { idempotencyKey: "mine" });
  const keys = server.asked.map(({ headers }) => headers.get("idempotency-key"));
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe("mine");
});

test("a refusal that will not pass is thrown at once, with all that the server said", async () => {
  const errors = [{ path: "src/App.tsx", line: 3, code: "draft_conflict", message: "changed" }];
  const server = new FakeServer(
    problem(409, "draft_conflict", { errors, request_id: "req_1", latest_version: 7 }),
  );
  const error = await settled(clientOf(server).app("app_1").draft.write({ a: "1" }, { baseVersion: 6 }));
  expect(error).toBeInstanceOf(VitrineError);
  expect(error).toMatchObject({
    code: "draft_conflict",
    status: 409,
    requestId: "req_1",
    latestVersion: 7,
    errors,
  });
  expect(server.asked).toHaveLength(1);
  expect(server.asked[0]?.body).toEqual({ ops: [{ op: "write", path: "a", text: "1" }], base_version: 6 });
});

test("a fault of the server is not repeated", async () => {
  const server = new FakeServer(problem(500, "internal"));
  expect(await settled(clientOf(server).me())).toMatchObject({ code: "internal" });
  expect(server.asked).toHaveLength(1);
});

test("the server's own wish for patience is kept, and one for too much is thrown", async () => {
  const held = new FakeServer(
    problem(429, "rate_limited", {}, { "retry-after": "7" }),
    json({ user: { id: "usr_1" } }),
  );
  const call = clientOf(held).me();
  await vi.advanceTimersByTimeAsync(6_900);
  expect(held.asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  await expect(call).resolves.toMatchObject({ user: { id: "usr_1" } });

  const closed = new FakeServer(problem(429, "rate_limited", {}, { "retry-after": "600" }));
  expect(await settled(clientOf(closed).me())).toMatchObject({ code: "rate_limited", retryAfterMs: 600_000 });
  expect(closed.asked).toHaveLength(1);
});

test("a repetition that meets the first attempt at work waits for it", async () => {
  const server = new FakeServer(
    new TypeError("cut off"),
    problem(409, "idempotency_conflict"),
    json({ id: "pub_1" }),
  );
  const publish = await settled(clientOf(server).app("app_1").publishes.publish());
  expect(publish).toMatchObject({ id: "pub_1" });

  const reused = new FakeServer(problem(409, "idempotency_conflict"));
  const again = clientOf(reused).app("app_1").publishes.publish({}, { idempotencyKey: "used" });
  expect(await settled(again)).toMatchObject({ code: "idempotency_conflict" });
  expect(reused.asked).toHaveLength(1);
});

test("no answer within the time is an error that says so", async () => {
  const server = new FakeServer();
  const error = await settled(clientOf(server, { timeoutMs: 1_000, retries: 0 }).me());
  expect(error).toMatchObject({ code: "timed_out", status: 0 });
});

test("the caller's signal ends a call and its pauses with the caller's reason", async () => {
  const server = new FakeServer(problem(503, "shutting_down"));
  const ended = new AbortController();
  const call = clientOf(server).me({ signal: ended.signal });
  const expected = expect(call).rejects.toThrow("enough");
  await vi.advanceTimersByTimeAsync(10);
  ended.abort(new Error("enough"));
  await expected;
  expect(server.asked).toHaveLength(1);
});

test("an answer that is not Vitrine's is told apart", async () => {
  const server = new FakeServer(new Response("<h1>Hello</h1>", { status: 404 }));
  expect(await settled(clientOf(server).me())).toMatchObject({ code: "unreadable_answer", status: 404 });
  const page = new FakeServer(new Response("<h1>Hello</h1>"));
  expect(await settled(clientOf(page).me())).toMatchObject({ code: "unreadable_answer", status: 200 });
});

test("a file's path keeps its slashes, and nothing in it leads to another call", async () => {
  const server = new FakeServer(new Response("hi"));
  const { draft } = clientOf(server, { url: "https://example.com/vitrine/" }).app("app_1");
  await draft.readText("src/a b?#.ts");
  expect(server.asked[0]?.url.pathname).toBe("/vitrine/v1/apps/app_1/files/src/a%20b%3F%23.ts");
  await expect(draft.read("../../keys")).rejects.toThrow(TypeError);
  await expect(clientOf(server).app("..").get()).rejects.toThrow(TypeError);
});

test("a token is asked for once, again before it ends, and again when it was refused", async () => {
  const exp = (inSecs: number) => btoa(JSON.stringify({ exp: Date.now() / 1000 + inSecs }));
  const tokens = [`h.${exp(60)}.1`, `h.${exp(600)}.2`, "opaque"];
  const source = vi.fn(() => tokens.shift() ?? "none left");
  const server = new FakeServer(json({}), json({}), json({}), problem(401, "unauthenticated"), json({}));
  const client = clientOf(server, { auth: { token: source } });
  await Promise.all([client.me(), client.me()]);
  expect(source).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + 45_000);
  await client.me();
  expect(source).toHaveBeenCalledTimes(2);
  await client.me();
  expect(source).toHaveBeenCalledTimes(3);
  expect(server.asked[4]?.headers.get("authorization")).toBe("Bearer opaque");
});

test("the builder's cookie brings the token against forged requests, and finds a newer one", async () => {
  const server = new FakeServer(
    json({ csrf_token: "one" }),
    problem(403, "forbidden"),
    json({ csrf_token: "two" }),
    new Response(null, { status: 204 }),
  );
  const client = clientOf(server, { auth: { cookie: true } });
  await client.app("app_1").delete();
  const sent = server.asked.filter(({ method }) => method === "DELETE");
  expect(sent.map(({ headers }) => headers.get("x-csrf-token"))).toEqual(["one", "two"]);
});

test("a list is read to its end, page by page", async () => {
  const server = new FakeServer(json({ items: [1, 2], next_cursor: "c" }), json({ items: [3] }));
  const all: unknown[] = [];
  for await (const item of clientOf(server).apps.all()) all.push(item);
  expect(all).toEqual([1, 2, 3]);
  expect(server.asked[1]?.url.search).toBe("?cursor=c");
});

test("a rollback makes the artifact before the current one current", async () => {
  const releases = [
    { artifact: "art_4", current: false },
    { artifact: "art_3", current: true },
    { artifact: "art_3", current: false },
    { artifact: "art_2", current: false },
  ];
  const server = new FakeServer(json({ items: releases }), json({ artifact: "art_2" }, 201));
  await clientOf(server).app("app_1").releases.rollback();
  expect(server.asked[1]?.body).toEqual({ artifact: "art_2" });

  const first = new FakeServer(json({ items: [{ artifact: "art_1", current: true }] }));
  const error = await settled(clientOf(first).app("app_1").releases.rollback());
  expect(error).toMatchObject({ code: "nothing_to_roll_back" });
});

test("sync sends what the server lacks, and makes one change set of the rest", async () => {
  const hashOfB = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";
  const server = new FakeServer(
    json({ version: 4, missing: [hashOfB], changed: ["b.txt"], extra: ["old.txt"] }),
    new Response(null, { status: 204 }),
    json({ version: 5, applied: 2 }),
  );
  await clientOf(server).app("app_1").draft.sync({ "a.txt": "a", "b.txt": "b" });
  expect(server.asked[1]?.url.pathname).toBe(`/v1/apps/app_1/blobs/${hashOfB}`);
  expect(server.asked[2]?.body).toEqual({
    ops: [
      { op: "delete", path: "old.txt" },
      { op: "write", path: "b.txt", sha256: hashOfB },
    ],
    base_version: 4,
  });
});

test("large content is uploaded by itself", async () => {
  const server = new FakeServer(new Response(null, { status: 204 }), json({ version: 2, applied: 1 }));
  await clientOf(server)
    .app("app_1")
    .draft.write({ "photo.png": new Uint8Array(300 * 1024) });
  expect(server.asked[0]?.method).toBe("PUT");
  expect(server.asked[1]?.body).toMatchObject({
    ops: [{ op: "write", path: "photo.png", sha256: expect.any(String) }],
  });
});
