// What Vite says is wrong with the project, by its client's own events and by the overlay it lays over the page.
import type { PreviewEvent } from "../../sdk/client/src/bridge";
import { asText, cut } from "./inspect";
import { projectFile, viteClient, wasUpdated } from "./locate";
import { quietly } from "./native";
import { type Happening, tell } from "./outlet";

const OVERLAY = "vite-error-overlay";
const MAX_TEXT = 8_000;

/** As Vite's client hands them to whoever listens (vite/types/customEvent.d.ts, hmrPayload.d.ts). */
interface ErrorPayload {
  err?: {
    message?: string;
    id?: string;
    frame?: string;
    plugin?: string;
    loc?: { file?: string; line: number; column: number };
  };
}
interface UpdatePayload {
  updates?: { path: string; acceptedPath: string; timestamp: number }[];
}
interface ViteClient {
  createHotContext?(owner: string): { on(event: string, listener: (payload: never) => void): void };
}

let shown: string | undefined;
let latest: PreviewEvent | undefined;

/** The event of what is wrong now. */
export function currentOverlay(): PreviewEvent | undefined {
  return shown === undefined ? undefined : latest;
}

/** To be called when the document is there. `onUpdate` is called after each update of modules. */
export function watchOverlay(onUpdate: () => void): void {
  watchElement();
  const client = viteClient();
  if (client) listen(client.src, onUpdate).catch(() => undefined);
}

async function listen(address: string, onUpdate: () => void): Promise<void> {
  // The very module that the page has: it is asked for at the same address.
  const client = (await import(/* @vite-ignore */ address)) as ViteClient;
  const hot = client.createHotContext?.("/.vitrine/bridge");
  hot?.on(
    "vite:error",
    quietly(({ err }: ErrorPayload) => err && begin(fromPayload(err))),
  );
  hot?.on("vite:beforeUpdate", quietly(noteUpdates));
  hot?.on(
    "vite:afterUpdate",
    quietly(() => {
      if (!document.querySelector(OVERLAY)) end();
      onUpdate();
    }),
  );
}

function noteUpdates({ updates }: UpdatePayload): void {
  for (const { path, acceptedPath, timestamp } of updates ?? []) {
    wasUpdated(new URL(path, location.origin).pathname, timestamp);
    wasUpdated(new URL(acceptedPath, location.origin).pathname, timestamp);
  }
}

/** For pages whose client was there before us, and for frameworks with an overlay of their own under the same name. */
function watchElement(): void {
  const look = quietly(() => {
    const element = document.querySelector(OVERLAY);
    if (!element) end();
    else if (shown === undefined) begin(fromElement(element));
  });
  // Only children of the body itself: an app's own changes are none of this.
  new MutationObserver((records) => {
    const isOverlay = (node: Node) => node.nodeName.toLowerCase() === OVERLAY;
    if (records.some((record) => [...record.addedNodes, ...record.removedNodes].some(isOverlay))) look();
  }).observe(document.body, { childList: true });
  look();
}

type Overlay = Extract<Happening, { kind: "overlay" }>;

function begin(overlay: Overlay): void {
  const key = `${overlay.message}\n${overlay.file}\n${overlay.line}`;
  if (key === shown) return;
  shown = key;
  latest = tell(overlay);
}

function end(): void {
  if (shown === undefined) return;
  shown = undefined;
  tell({ kind: "overlay_gone" });
}

function fromPayload(err: NonNullable<ErrorPayload["err"]>): Overlay {
  const path = err.loc?.file ?? err.id;
  const file = typeof path === "string" ? projectFile(path) : undefined;
  const message = cut(asText(err.message ?? "").trim(), MAX_TEXT);
  return {
    kind: "overlay",
    message,
    ...(file === undefined ? {} : { file }),
    // Columns of plugins begin at 0.
    ...(err.loc ? { line: err.loc.line, column: err.loc.column + 1 } : placeIn(message, file)),
    ...(err.frame ? { frame: cut(err.frame, MAX_TEXT) } : {}),
    ...(err.plugin ? { plugin: cut(err.plugin, 300) } : {}),
  };
}

/** Vite's own compiler says the place in its words only: `[ src/App.tsx:13:11 ]`. */
function placeIn(message: string, file: string | undefined): { line: number; column: number } | undefined {
  if (file === undefined) return undefined;
  const at = message.indexOf(`${file}:`);
  const [, line, column] = /^:(\d+):(\d+)/.exec(at < 0 ? "" : message.slice(at + file.length)) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column) };
}

function fromElement(element: Element): Overlay {
  const part = (selector: string) => element.shadowRoot?.querySelector(selector)?.textContent?.trim() ?? "";
  const [, path, line, column] = /^(.+?)(?::(\d+))?(?::(\d+))?$/.exec(part(".file")) ?? [];
  const file = path === undefined ? undefined : projectFile(path);
  const frame = part(".frame");
  const plugin = part(".plugin").replace(/^\[plugin:|\]$/g, "");
  return {
    kind: "overlay",
    message: cut(part(".message-body") || element.shadowRoot?.textContent?.trim() || "", MAX_TEXT),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(column === undefined ? {} : { column: Number(column) + 1 }),
    ...(frame === "" ? {} : { frame: cut(frame, MAX_TEXT) }),
    ...(plugin === "" ? {} : { plugin: cut(plugin, 300) }),
  };
}
