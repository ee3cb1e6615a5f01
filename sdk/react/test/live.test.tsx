// @vitest-environment jsdom
// With `live`, what others do is seen at once; without it, no channel is opened.
import { act } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PublishButton, useDraft, usePresence, WorkspacePreview } from "../src/index.js";
import { FakeVitrine, json, sessionIs, show, until } from "./setup.js";

class FakeSocket {
  static all: FakeSocket[] = [];
  readyState = 1;
  onopen = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose = null;
  onerror = null;
  readonly sent: unknown[] = [];

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
  }

  says(message: object): Promise<void> {
    return act(async () => this.onmessage?.({ data: JSON.stringify(message) }));
  }
}

const ada = { client_id: "c1", name: "Ada" };
const hello = { type: "hello", client_id: "c1", seq: 1, version: 1, presence: [ada] };

function People() {
  const { people, clientId, isOpen } = usePresence("app_1");
  const { version } = useDraft("app_1");
  const names = people.map(
    ({ client_id, name, file }) => `${name}${client_id === clientId ? " (you)" : ""} ${file ?? ""}`,
  );
  return <p>{`${isOpen ? "open" : "quiet"} v${version}: ${names.join(", ")}`}</p>;
}

const text = () => document.querySelector("p")?.textContent ?? "";

beforeEach(() => {
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function server(): FakeVitrine {
  const made = new FakeVitrine();
  let version = 1;
  made.routes["GET /files"] = () => json({ version: version++, files: {} });
  return made;
}

test("one channel tells who is there and what changed, and is closed when nobody looks", async () => {
  const vitrine = server();
  await show(
    vitrine,
    <>
      <People />
      <PublishButton appId="app_1" />
    </>,
    { live: true },
  );
  const socket = await until(() => FakeSocket.all[0]);
  await socket.says(hello);
  await until(() => text() === "open v1: Ada (you) ");
  await socket.says({
    type: "presence",
    people: [ada, { client_id: "c2", name: "Bo", file: "src/App.tsx" }],
  });
  await until(() => text().endsWith("Bo src/App.tsx"));
  await socket.says({ type: "draft", seq: 2, version: 2, paths: ["a.txt"], client_id: "c2" });
  await until(() => text().startsWith("open v2"));
  const asked = vitrine.count("GET /publishes");
  await socket.says({ type: "publish", seq: 3, publish: { id: "pub_1" } });
  await until(() => vitrine.count("GET /publishes") > asked);
  expect(FakeSocket.all).toHaveLength(1);
  await show(vitrine, null, { live: true });
  expect(socket.readyState).toBe(3);
});

test("a session that changes is looked at now", async () => {
  const vitrine = server();
  vitrine.session = sessionIs("running");
  await show(vitrine, <WorkspacePreview appId="app_1" />, { live: true });
  await until(() => document.querySelector("iframe"));
  const socket = await until(() => FakeSocket.all[0]);
  await socket.says(hello);
  vitrine.session = sessionIs("hibernated");
  await socket.says({ type: "session", seq: 2, session: vitrine.session });
  await until(() => document.body.textContent?.includes("asleep"), 1_500);
});

test("without `live` nothing is opened, and there is nobody", async () => {
  await show(server(), <People />);
  await until(() => text() === "quiet v1: ");
  expect(FakeSocket.all).toHaveLength(0);
});
