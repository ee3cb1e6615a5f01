// @vitest-environment jsdom
// The components against a server of the tests' own: starting, looking, going away and coming back.
import { act } from "react";
import { expect, test, vi } from "vitest";
import { ConsolePanel, useDraft, useWorkspace, WorkspacePreview } from "../src/index.js";
import { FakeVitrine, json, press, problem, sessionIs, show, until } from "./setup.js";

const frame = () => document.querySelector("iframe");
const preview = <WorkspacePreview appId="app_1" />;

test("a preview is started once, shows its steps, and then the app", async () => {
  const server = new FakeVitrine();
  await show(server, preview);
  await until(() => document.body.textContent?.includes("Installing 120 packages"));
  expect(frame()).toBeNull();
  expect(server.count("PUT /session")).toBe(1);
  server.session = sessionIs("running");
  const shown = await until(frame);
  expect(shown.src).toMatch(/^http:\/\/ses1\.preview\.localhost\/\?vitrine_token=t\d+$/);
  expect(shown.getAttribute("sandbox")).not.toContain("top-navigation");
});

test("a preview that goes away ends nothing, and one that comes back uses a fresh key", async () => {
  const server = new FakeVitrine();
  server.session = sessionIs("running");
  await show(server, preview);
  const first = (await until(frame)).src;
  await show(server, null);
  expect(frame()).toBeNull();
  await show(server, preview);
  const second = (await until(frame)).src;
  expect(second).not.toBe(first);
  expect(server.count("DELETE /session")).toBe(0);
});

test("what several components ask is asked once, also by one that comes later", async () => {
  const server = new FakeVitrine();
  server.session = sessionIs("running");
  await show(server, preview);
  await until(frame);
  await show(
    server,
    <>
      {preview}
      {preview}
    </>,
  );
  await until(() => document.querySelectorAll("iframe").length === 2);
  expect(server.count("PUT /session")).toBe(1);
});

test("nothing is asked while nobody looks", async () => {
  vi.useFakeTimers();
  try {
    const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
    const server = new FakeVitrine();
    await show(server, preview);
    await pass(2_000);
    const asked = server.asked.length;
    expect(asked).toBeGreaterThan(4);
    await show(server, null);
    await pass(60_000);
    expect(server.asked).toHaveLength(asked);
    await show(server, preview);
    await pass(1_000);
    expect(server.asked.length).toBeGreaterThan(asked);
  } finally {
    vi.useRealTimers();
  }
});

test("a preview that cannot start says why, and tries again when asked to", async () => {
  const server = new FakeVitrine();
  const error = {
    title: "The dependencies could not be installed",
    detail: "left-pad is gone",
    code: "install_failed",
  };
  server.session = sessionIs("error", { error });
  await show(server, preview);
  await until(() => document.querySelector('[role="alert"]')?.textContent?.includes("left-pad is gone"));
  server.session = sessionIs("running");
  await press("Try again");
  await until(() => frame() && !document.querySelector('[role="alert"]'));
});

test("a server that is away is said, and found again", async () => {
  const server = new FakeVitrine();
  const { "PUT /session": ensure } = server.routes;
  server.routes["PUT /session"] = () => problem(503, "sandbox_unavailable", { request_id: "req_9" });
  await show(server, preview);
  await until(() => document.body.textContent?.includes("req_9"));
  server.routes["PUT /session"] = ensure as never;
  server.session = sessionIs("running");
  await press("Try again");
  await until(frame);
});

test("an ended preview is started again by the person alone", async () => {
  const server = new FakeVitrine();
  server.session = sessionIs("stopped");
  server.routes["PUT /session"] = () =>
    json({ ...server.session, preview_url: "http://ses1.preview.localhost/" });
  await show(server, preview, { language: "de" });
  await until(() => document.body.textContent?.includes("Diese Vorschau ist beendet"));
  server.session = sessionIs("running");
  await press("Wieder starten");
  await until(frame);
});

test("a route stays inside the preview", async () => {
  const server = new FakeVitrine();
  server.session = sessionIs("running");
  await show(server, <WorkspacePreview appId="app_1" route="//evil.example/about?x=1#top" />);
  expect((await until(frame)).src).toMatch(
    /^http:\/\/ses1\.preview\.localhost\/evil\.example\/about\?x=1&vitrine_token=t\d+#top$/,
  );
});

test("whoever asks for it can steer the page inside, until it is gone", async () => {
  const server = new FakeVitrine();
  server.session = sessionIs("running");
  const onBridge = vi.fn();
  await show(server, <WorkspacePreview appId="app_1" onBridge={onBridge} />);
  const posted = vi.spyOn((await until(frame)).contentWindow as Window, "postMessage");
  const [bridge] = onBridge.mock.lastCall ?? [];
  bridge.go("/about");
  const command = { source: "vitrine", version: 1, type: "go", route: "/about" };
  expect(posted).toHaveBeenCalledWith(command, "http://ses1.preview.localhost");
  await show(server, null);
  expect(onBridge.mock.lastCall).toEqual([undefined]);
});

function Product() {
  const { workspace, isLoading, error, createWorkspace, deleteWorkspace } = useWorkspace();
  return (
    <>
      <p>{error?.code ?? (isLoading ? "loading" : (workspace?.name ?? "none"))}</p>
      <p>{workspace?.session?.status}</p>
      <button type="button" onClick={() => void createWorkspace({ name: "Shop", template: "chat-soft" })}>
        create
      </button>
      <button type="button" onClick={() => void deleteWorkspace()}>
        delete
      </button>
    </>
  );
}

test("a workspace is made with its preview, and deleted", async () => {
  const server = new FakeVitrine();
  const text = () => document.querySelector("p")?.textContent;
  await show(server, <Product />);
  expect(text()).toBe("none");
  await press("create");
  await until(() => text() === "Shop" && document.body.textContent?.includes("starting"));
  expect(server.bodies[0]).toMatchObject({ session: true, template: "chat-soft" });
  await press("delete");
  await until(() => text() === "none");
  expect(server.count("DELETE /")).toBe(1);
});

test("a workspace that cannot be made is an error, not an exception", async () => {
  const server = new FakeVitrine();
  server.routes["POST /v1/apps"] = () => problem(409, "quota_exceeded");
  await show(server, <Product />);
  await press("create");
  await until(() => document.querySelector("p")?.textContent === "quota_exceeded");
});

function Editor() {
  const { write, isSaving, error } = useDraft("app_1");
  const type = () => {
    for (const text of ["h", "he", "hel", "hello"]) void write({ "a.txt": text }).catch(() => undefined);
  };
  return (
    <button type="button" onClick={type}>
      {error?.code ?? (isSaving ? "saving" : "saved")}
    </button>
  );
}

test("what is typed while it is saved goes along as one, the last state wins", async () => {
  const server = new FakeVitrine();
  server.routes["GET /files"] = () => json({ version: 1, files: {} });
  const change = vi.fn((_: unknown) => json({ version: 2, applied: 1 }));
  server.routes["POST /changes"] = change;
  await show(server, <Editor />);
  await press("saved");
  await until(
    () => document.querySelector("button")?.textContent === "saved" && change.mock.calls.length > 0,
  );
  const texts = change.mock.calls.map(([body]) => (body as { ops: { text: string }[] }).ops[0]?.text);
  expect(texts.at(-1)).toBe("hello");
  expect(texts.length).toBeLessThanOrEqual(2);
});

test("what could not be saved is tried again until it is, and what is refused is told", async () => {
  const server = new FakeVitrine();
  server.routes["GET /files"] = () => json({ version: 1, files: {} });
  const answers = [() => problem(503, "shutting_down"), () => problem(500, "internal")];
  const change = vi.fn((_: unknown) => answers.shift()?.() ?? json({ version: 2, applied: 1 }));
  server.routes["POST /changes"] = change;
  await show(server, <Editor />);
  await press("saved");
  await until(() => document.querySelector("button")?.textContent === "shutting_down");
  await until(
    () => document.querySelector("button")?.textContent === "saved" && change.mock.calls.length > 2,
    5_000,
  );
  const last = change.mock.calls.at(-1)?.[0] as { ops: { text: string }[] };
  expect(last.ops[0]?.text).toBe("hello");
  server.routes["POST /changes"] = () => problem(413, "limit_exceeded");
  await press("saved");
  await until(() => document.querySelector("button")?.textContent === "limit_exceeded");
});

test("the console shows what the page in the preview tells, and nothing of other windows", async () => {
  const server = new FakeVitrine();
  server.session = sessionIs("running");
  const opened = vi.fn();
  await show(
    server,
    <>
      {preview}
      <ConsolePanel appId="app_1" onOpenSource={opened} />
    </>,
  );
  const shown = await until(frame);
  const source = { file: "src/App.tsx", line: 3, column: 7 };
  const events = [
    { id: "1", at: 1, kind: "console", level: "log", args: ["<b>hello</b>", "7"] },
    { id: "2", at: 2, kind: "error", name: "TypeError", message: "no such thing", rejection: false, source },
  ];
  const data = { source: "vitrine-bridge", version: 1, preview: "ses_1", events };
  const tell = (origin: string) =>
    window.dispatchEvent(new MessageEvent("message", { data, origin, source: shown.contentWindow }));
  await act(async () => tell("http://evil.example"));
  await act(async () => tell("http://ses1.preview.localhost"));
  await until(() => document.querySelectorAll(".vitrine-console__line").length === 2);
  expect(document.querySelector(".vitrine-console__text")?.textContent).toBe("<b>hello</b> 7");
  await press("src/App.tsx:3");
  expect(opened).toHaveBeenCalledWith(source);
  await press("Clear");
  await until(() => document.querySelectorAll(".vitrine-console__line").length === 0);
});
