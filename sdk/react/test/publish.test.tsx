// @vitest-environment jsdom
// Publishing by button: what is told while it goes on, how it ends, and that a page that comes back finds it.
import { expect, test, vi } from "vitest";
import { PublishButton } from "../src/index.js";
import { button, FakeVitrine, json, press, show, until } from "./setup.js";

const publish = (status: string, more: object = {}) => ({
  id: "pub_1",
  app_id: "app_1",
  status,
  site_url: "http://shop.apps.localhost/",
  steps: [
    { name: "check", status: "done" },
    { name: "build", status: status === "running" ? "active" : "done" },
  ],
  ...more,
});

/** A publish whose end the test decides. */
function publishing(server: FakeVitrine) {
  let end: (final: object) => void = () => undefined;
  let final: object = publish("running");
  const body = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        const say = (event: string, data: object) =>
          controller.enqueue(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
        say("publish", publish("running"));
        end = (last) => {
          final = last;
          say("end", {});
        };
      },
    });
  server.routes["POST /publishes"] = () => json(publish("queued"), 202);
  server.routes["GET /publishes/pub_1/logs"] = () => new Response(body());
  server.routes["GET /publishes/pub_1"] = () => json(final);
  return (last: object) => end(last);
}

const published = { id: "app_1", name: "Shop", published_url: "http://shop.apps.localhost/" };

test("publishing tells its step, and ends in a link", async () => {
  const server = new FakeVitrine();
  const end = publishing(server);
  const onEnd = vi.fn();
  await show(server, <PublishButton appId="app_1" onEnd={onEnd} />);
  await press("Publish");
  await until(() => document.querySelector('[role="status"]')?.textContent === "Building");
  await press("Publishing");
  expect(server.count("POST /publishes")).toBe(1);
  server.routes["GET /"] = () => json(published);
  end(publish("succeeded"));
  const link = await until(() => document.querySelector("a"));
  expect(link.href).toBe("http://shop.apps.localhost/");
  expect(document.querySelector('[role="status"]')?.textContent).toBe("Published");
  expect(onEnd).toHaveBeenCalledWith(expect.objectContaining({ status: "succeeded" }));
});

test("a publish that fails says what is wrong where, and what visitors see", async () => {
  const server = new FakeVitrine();
  const end = publishing(server);
  await show(server, <PublishButton appId="app_1" />, { language: "de" });
  await press("Veröffentlichen");
  await until(() => button("Abbrechen"));
  const errors = [
    { path: "src/App.tsx", line: 4, code: "validation_failed", message: "a bracket is missing" },
  ];
  const error = { title: "The build failed", detail: "See below.", code: "build_failed", errors };
  end(publish("failed", { error }));
  const alert = await until(() => document.querySelector('[role="alert"]'));
  expect(alert.textContent).toContain("src/App.tsx:4 a bracket is missing");
  expect(alert.textContent).toContain("Besucher sehen, was sie vorher sahen");
});

test("a publish that is under way is found by a page that comes back", async () => {
  const server = new FakeVitrine();
  const end = publishing(server);
  server.routes["GET /publishes"] = () => json({ items: [publish("running")] });
  await show(server, <PublishButton appId="app_1" />);
  await until(() => button("Publishing"));
  await show(server, null);
  await show(server, <PublishButton appId="app_1" />);
  await until(() => button("Publishing"));
  server.routes["GET /"] = () => json(published);
  end(publish("succeeded"));
  await until(() => document.querySelector("a"));
  expect(server.count("POST /publishes")).toBe(0);
  expect(server.count("POST /publishes/pub_1/cancel")).toBe(0);
});
