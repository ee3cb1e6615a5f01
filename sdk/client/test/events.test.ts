// Streams: put together from any pieces, followed over lost connections, ended by whoever follows.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventParser } from "../src/events.js";
import { PublishFailed, Vitrine } from "../src/index.js";
import { FakeServer, json, problem, stream } from "./fake-server.js";

function publishOf(server: FakeServer) {
  const client = new Vitrine({
    url: "https://vitrine.example.com",
    auth: { key: "vt_test" },
    fetch: server.fetch,
  });
  return client.app("app_1").publishes.open("pub_1");
}

async function texts(events: AsyncIterable<{ type: string; line?: { text: string } }>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) seen.push(event.line?.text ?? event.type);
  return seen;
}

const line = (seq: number) => `id: ${seq}\nevent: log\ndata: {"seq":${seq},"text":"line ${seq}"}\n\n`;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 50 });
});
afterEach(() => {
  vi.useRealTimers();
});

test("an event is the same wherever the text was cut", () => {
  const text =
    ": hello\r\n\r\nid: 7\r\nevent: log\r\ndata: one\r\ndata:two\r\n\r\ndata\n\nretry: 5\nfoo: bar\n\n";
  const expected = [
    { event: "log", data: "one\ntwo", id: "7" },
    { event: "message", data: "", id: "7" },
  ];
  for (let at = 0; at <= text.length; at++) {
    const parser = new EventParser();
    expect([...parser.take(text.slice(0, at)), ...parser.take(text.slice(at))], `cut at ${at}`).toEqual(
      expected,
    );
  }
});

test("a stream that is cut off goes on after the last event, and ends where the server says", async () => {
  const server = new FakeServer(
    stream([line(1), line(2).slice(0, 9), line(2).slice(9), line(3).slice(0, 20)], "hangs up"),
    new TypeError("fetch failed"),
    problem(503, "shutting_down"),
    stream([line(3), 'event: publish\ndata: {"status":"succeeded"}\n\nevent: end\ndata: {}\n\n', line(4)]),
  );
  expect(await texts(publishOf(server).follow())).toEqual(["line 1", "line 2", "line 3", "publish"]);
  expect(server.asked.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, "2", "2", "2"]);
});

test("a refusal ends the stream", async () => {
  const server = new FakeServer(stream([line(1)]), problem(404, "not_found"));
  await expect(texts(publishOf(server).follow())).rejects.toMatchObject({ code: "not_found" });
});

test("whoever stops following ends the connection", async () => {
  let isCancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new TextEncoder().encode(line(1))),
        cancel: () => {
          isCancelled = true;
        },
      }),
    );
  for await (const _ of publishOf(new FakeServer(endless)).follow()) break;
  await vi.waitFor(() => expect(isCancelled).toBe(true));
});

test("a publish that fails is an error that has everything", async () => {
  const error = { title: "The build failed", status: 422, code: "build_failed", detail: "See the log." };
  const publish = { id: "pub_1", status: "failed", error };
  const server = new FakeServer(stream(["event: end\ndata: {}\n\n"]), json(publish));
  const failure = await publishOf(server)
    .wait()
    .catch((caught: unknown) => caught);
  expect(failure).toBeInstanceOf(PublishFailed);
  expect(failure).toMatchObject({ code: "build_failed", publish });
});

const output = (stream: string, text: string) =>
  `event: output\ndata: ${JSON.stringify({ stream, text })}\n\n`;

test("a command is run once, and a failing one is no exception", async () => {
  const exit = 'event: exit\ndata: {"code":1,"timed_out":false,"truncated":false}\n\n';
  const server = new FakeServer(
    stream([output("stdout", "one "), output("stderr", "oh"), output("stdout", "two"), exit]),
  );
  const client = new Vitrine({ url: "https://vitrine.example.com", fetch: server.fetch });
  const result = await client.app("app_1").session.run(["npm", "test"], { timeoutSecs: 5 });
  expect(result).toMatchObject({ code: 1, stdout: "one two", stderr: "oh" });
  expect(server.asked).toHaveLength(1);
  expect(server.asked[0]?.body).toEqual({ argv: ["npm", "test"], timeout_secs: 5 });
  expect(server.asked[0]?.headers.get("idempotency-key")).toBeNull();
});

test("a command whose connection is lost, or that was refused, is never run again by itself", async () => {
  for (const answer of [
    stream([output("stdout", "half")], "hangs up"),
    problem(503, "shutting_down"),
    stream([]),
  ]) {
    const server = new FakeServer(answer);
    const client = new Vitrine({ url: "https://vitrine.example.com", fetch: server.fetch });
    await expect(client.app("app_1").session.run(["npm", "publish"])).rejects.toThrow();
    expect(server.asked).toHaveLength(1);
  }
});
