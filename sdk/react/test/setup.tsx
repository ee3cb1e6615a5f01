// A server of the tests' own, and components that are shown against it.
import { Vitrine } from "@vitrine/client";
import { act, type ReactNode, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach } from "vitest";
import { VitrineProvider, type VitrineProviderProps } from "../src/provider.js";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

type Answer = (body: unknown) => Response | Promise<Response>;

/** Answers by method and path (`PUT /session`, beneath the app), and counts. */
export class FakeVitrine {
  readonly asked: string[] = [];
  readonly bodies: unknown[] = [];
  session: Record<string, unknown> | undefined;
  routes: Record<string, Answer> = {};
  #tokens = 0;

  constructor() {
    const template = { key: "chat-soft", name: "Soft" };
    const app = { id: "app_1", name: "Shop", version: 1, site_url: "http://shop.apps.localhost/" };
    this.routes = {
      "GET /v1/templates": () => json({ items: [template] }),
      "POST /v1/apps": () => json(app, 201),
      "GET /": () => json(app),
      "DELETE /": () => new Response(null, { status: 204 }),
      "PATCH /": (body) => json({ ...app, ...(body as object) }),
      "GET /publishes": () => json({ items: [] }),
      "GET /session": () => (this.session ? this.#sessionView() : problem(404, "not_found")),
      "PUT /session": () => {
        this.session ??= sessionIs("starting");
        return this.#sessionView();
      },
      "POST /session/heartbeat": () => this.#sessionView(),
      "DELETE /session": () => {
        this.session = sessionIs("stopped");
        return new Response(null, { status: 204 });
      },
    };
  }

  readonly client = new Vitrine({
    url: "http://vitrine.test",
    retries: 0,
    fetch: async (input, init = {}) => {
      init.signal?.throwIfAborted();
      const path = new URL(String(input)).pathname;
      const inner = path.replace(/^\/v1\/apps\/app_1/, "") || "/";
      const name = `${init.method} ${path.startsWith("/v1/apps/app_1") ? inner : path}`;
      this.asked.push(name);
      const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
      this.bodies.push(body);
      const answer = this.routes[name];
      if (!answer) throw new Error(`nobody answers ${name}`);
      return answer(body);
    },
  });

  count(name: string): number {
    return this.asked.filter((one) => one === name).length;
  }

  #sessionView(): Response {
    this.#tokens += 1;
    const preview_url = `http://ses1.preview.localhost/?vitrine_token=t${this.#tokens}`;
    return json({ ...this.session, preview_url });
  }
}

export function sessionIs(status: string, more: object = {}): Record<string, unknown> {
  const steps = [
    { name: "files", status: "done", duration_ms: 12 },
    { name: "layer", status: "active", detail: "Installing 120 packages" },
  ];
  return { id: "ses_1", app_id: "app_1", status, idle_timeout_secs: 1800, timings: { steps }, ...more };
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

export function problem(status: number, code: string, more: object = {}): Response {
  return json(
    { type: "about:blank", title: "It went wrong", status, code, detail: "Try this.", ...more },
    status,
  );
}

let root: Root | undefined;
afterEach(async () => {
  await act(async () => root?.unmount());
  root = undefined;
  document.body.replaceChildren();
});

/** Shows `children` in strict mode, as a product in development does. */
export async function show(
  server: FakeVitrine,
  children: ReactNode,
  props: Partial<VitrineProviderProps> = {},
): Promise<void> {
  if (!root) root = createRoot(document.body.appendChild(document.createElement("div")));
  const shown = root;
  await act(async () =>
    shown.render(
      <StrictMode>
        <VitrineProvider client={server.client} {...props}>
          {children}
        </VitrineProvider>
      </StrictMode>,
    ),
  );
}

/** Waits until `ask` finds something, while components do what they do. */
export async function until<T>(ask: () => T | null | undefined | false, timeoutMs = 3_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = ask();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain; the page shows: ${document.body.innerHTML}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 10)));
  }
}

export function button(name: string): HTMLButtonElement | undefined {
  const named = (element: HTMLElement) => element.getAttribute("aria-label") ?? element.textContent;
  return [...document.querySelectorAll("button")].find((element) => named(element) === name);
}

export async function press(name: string): Promise<void> {
  const found = await until(() => button(name));
  await act(async () => found.click());
}
