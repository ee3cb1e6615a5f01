// The channel: comes back by itself, tells each thing once and in order, and says when something was missed.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type Channel,
  type ChannelMessage,
  type ChannelOptions,
  openChannel,
  type SocketLike,
} from "../src/channel.js";

class FakeSocket implements SocketLike {
  static all: FakeSocket[] = [];
  readyState = 0;
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  readonly sent: unknown[] = [];

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
  }

  says(...messages: object[]): void {
    this.readyState = 1;
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }

  cut(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const hello = (seq: number, client_id = "c1") => ({
  type: "hello",
  client_id,
  seq,
  version: 1,
  presence: [],
});
const draft = (seq: number) => ({ type: "draft", seq, version: seq, paths: [] });

let heard: ChannelMessage[] = [];
let states: string[] = [];
let channel: Channel;

function open(options: Partial<ChannelOptions> = {}): FakeSocket {
  channel = openChannel({
    url: "https://vitrine.example.com/v1/apps/app_1/channel",
    onMessage: (message) => heard.push(message),
    onState: (state) => states.push(state),
    WebSocket: FakeSocket,
    ...options,
  });
  return latest();
}

function latest(): FakeSocket {
  const socket = FakeSocket.all.at(-1);
  if (!socket) throw new Error("nothing was connected");
  return socket;
}

/** The next socket, after whatever pause. */
async function another(): Promise<FakeSocket> {
  const before = FakeSocket.all.length;
  for (let i = 0; i < 100 && FakeSocket.all.length === before; i++) await vi.advanceTimersByTimeAsync(250);
  return latest();
}

const seqs = () =>
  heard.map((message) => ("seq" in message ? `${message.type} ${message.seq}` : message.type));

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  heard = [];
  states = [];
});
afterEach(() => {
  channel.close();
  vi.useRealTimers();
});

test("it connects by the protocol, and is open when the server has said hello", () => {
  const socket = open();
  expect(socket.url).toBe("wss://vitrine.example.com/v1/apps/app_1/channel");
  expect(socket.protocols).toEqual(["vitrine.v1"]);
  expect(channel.send({ type: "ping" })).toBe(false);
  socket.says(hello(5));
  expect(states).toEqual(["open"]);
  expect(channel.clientId).toBe("c1");
  expect(channel.send({ type: "ping" })).toBe(true);
});

test("what is lost on the way is told after the connection is back, once each", async () => {
  open().says(hello(5), draft(6), draft(7));
  latest().cut();
  expect(states).toEqual(["open", "waiting"]);
  const second = await another();
  expect(new URL(second.url).searchParams.get("after")).toBe("7");
  second.says(hello(9, "c2"));
  expect(channel.seq).toBe(7);
  second.says(draft(7), draft(8), draft(9));
  expect(seqs()).toEqual(["hello 5", "draft 6", "draft 7", "hello 9", "draft 8", "draft 9"]);
  expect(channel.clientId).toBe("c2");
});

test("a connection that is lost between hello and what was missed asks for the same again", async () => {
  open().says(hello(5), draft(6));
  latest().cut();
  (await another()).says(hello(9));
  latest().cut();
  expect(new URL((await another()).url).searchParams.get("after")).toBe("6");
});

test("a gap is told, and counting goes on from there, also when the server counts anew", async () => {
  open({ after: 100 }).says(hello(3));
  latest().cut();
  // It was not told before the cut: the same is asked for again.
  const second = await another();
  expect(new URL(second.url).searchParams.get("after")).toBe("100");
  second.says(hello(3), { type: "gap", seq: 3 }, draft(4));
  expect(seqs()).toEqual(["hello 3", "hello 3", "gap 3", "draft 4"]);
  expect(channel.seq).toBe(4);
});

test("the channel of an app that is gone stays closed", async () => {
  open().says(hello(1));
  latest().cut(4004);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
  expect(channel.state).toBe("closed");
});

test("it never gives up, with pauses that grow to a quarter of a minute", async () => {
  open();
  for (let i = 0; i < 30; i++) {
    latest().cut();
    const before = Date.now();
    await another();
    expect(Date.now() - before).toBeLessThanOrEqual(15_250);
  }
  expect(FakeSocket.all).toHaveLength(31);
});

test("a connection that has gone silent is replaced", async () => {
  open().says(hello(1));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(latest().sent).toContainEqual({ type: "ping" });
  latest().says({ type: "pong" });
  await vi.advanceTimersByTimeAsync(15_000);
  expect(channel.state).toBe("open");
  await vi.advanceTimersByTimeAsync(15_000);
  expect(channel.state).not.toBe("open");
  expect((await another()).url).toContain("after=1");
});

test("where somebody is goes out at most four times a second, and again after a reconnection", async () => {
  open().says(hello(1));
  for (let line = 1; line <= 50; line++) {
    channel.setPresence({ file: "src/App.tsx", line });
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(latest().sent.length).toBeLessThanOrEqual(2);
  await vi.advanceTimersByTimeAsync(250);
  const last = { type: "presence", file: "src/App.tsx", line: 50 };
  expect(latest().sent.at(-1)).toEqual(last);
  latest().cut();
  (await another()).says(hello(1, "c2"));
  expect(latest().sent).toEqual([last]);
});

test("each connection gets a fresh token, and a token that cannot be had is tried again", async () => {
  const tokens = [() => "one", () => Promise.reject(new Error("offline")), () => "two"];
  channel = openChannel({
    url: "https://vitrine.example.com/v1/apps/app_1/channel",
    protocols: async () => ["vitrine.v1", `bearer.${await (tokens.shift() ?? tokens[0])?.()}`],
    onMessage: () => undefined,
    WebSocket: FakeSocket,
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(latest().protocols[1]).toBe("bearer.one");
  latest().cut();
  expect((await another()).protocols[1]).toBe("bearer.two");
});

test("closed is closed", async () => {
  const socket = open();
  socket.says(hello(1));
  channel.close();
  socket.says(draft(2));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
  expect(states.at(-1)).toBe("closed");
  expect(seqs()).toEqual(["hello 1"]);
});
