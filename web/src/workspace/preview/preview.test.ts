// The rules of the stage: sizes, routes, what the preview tells, and when its page is loaded anew.
import type { PreviewEvent } from "@vitrine/client/bridge";
import { expect, test } from "vitest";
import {
  bounded,
  DEVICES,
  dragged,
  nameOfView,
  nudged,
  SIDE,
  scaleToFit,
  sizeOfView,
  turnedView,
  viewOf,
} from "./devices";
import { fingerprintOf } from "./fingerprint";
import { isLoopback } from "./loopback";
import { NOT_ASKED, type PaintSign, type PaintWatch, paintAfter } from "./paint";
import {
  emptyLog,
  logAfter,
  MAX_CHARS,
  MAX_FAULTS,
  MAX_ROWS,
  type PreviewLog,
  withoutConsole,
} from "./preview-log";
import { COMES_BACK_MS, NOT_RUN, needsLoad, recoveryAfter } from "./recovery";
import { MAX_ROUTES, suggested, withRoute } from "./routes";

// Sizes.

test("a view survives the URL, and what cannot be read fills the stage", () => {
  for (const name of ["", "phone", "tablet-turned", "desktop", "412x915"])
    expect(nameOfView(viewOf(name))).toBe(name);
  for (const name of ["toaster", "12", "x", "phone-twice-turned-x", "-1x5", "constructor"]) {
    expect(["fill", "device"]).toContain(viewOf(name).kind);
  }
  expect(sizeOfView(viewOf("99999x1"))).toEqual({ width: SIDE.max, height: SIDE.min });
  expect(sizeOfView(viewOf(""))).toBeUndefined();
});

test("turned twice it stands as before", () => {
  expect(sizeOfView(turnedView(viewOf("phone")))).toEqual({ width: 844, height: 390 });
  expect(nameOfView(turnedView(turnedView(viewOf("tablet"))))).toBe("tablet");
  expect(nameOfView(turnedView(viewOf("400x700")))).toBe("700x400");
});

test("what is larger than the stage is made smaller, and nothing is made larger", () => {
  expect(scaleToFit(DEVICES.phone, { width: 800, height: 422 })).toBe(0.5);
  expect(scaleToFit(DEVICES.desktop, { width: 720, height: 2_000 })).toBe(0.5);
  expect(scaleToFit(DEVICES.phone, { width: 5_000, height: 5_000 })).toBe(1);
  expect(scaleToFit(DEVICES.phone, { width: 0, height: 0 })).toBe(1);
});

test("an edge follows the pointer, also where the screen is shown smaller", () => {
  const from = { width: 400, height: 600 };
  expect(dragged(from, "right", { x: 30, y: 99 }, 1)).toEqual({ width: 460, height: 600 });
  expect(dragged(from, "corner", { x: 30, y: -10 }, 0.5)).toEqual({ width: 520, height: 560 });
  expect(dragged(from, "bottom", { x: 0, y: -9_999 }, 1)).toEqual({ width: 400, height: SIDE.min });
});

test("the arrow keys move an edge in its directions alone", () => {
  const from = { width: 400, height: 600 };
  expect(nudged(from, "right", "ArrowLeft")).toEqual({ width: 390, height: 600 });
  expect(nudged(from, "right", "ArrowUp")).toBeUndefined();
  expect(nudged(from, "corner", "ArrowDown")).toEqual({ width: 400, height: 610 });
  expect(bounded({ width: 160.4, height: 12 })).toEqual({ width: 160, height: SIDE.min });
});

// Routes.

test("a route that is seen again is the latest, once", () => {
  expect(withRoute(["/a", "/b"], "/b")).toEqual(["/b", "/a"]);
  const same = ["/a"];
  expect(withRoute(same, "/a")).toBe(same);
  const many = Array.from({ length: MAX_ROUTES + 9 }, (_, index) => `/${index}`);
  expect(many.reduce<readonly string[]>(withRoute, [])).toHaveLength(MAX_ROUTES);
});

test("on the page that is shown all others are suggested, and while typing those that match", () => {
  const routes = ["/shop/cart", "/shop", "/about"];
  expect(suggested(routes, "/shop", "/shop")).toEqual(["/shop/cart", "/about"]);
  expect(suggested(routes, "SHOP", "/about")).toEqual(["/shop/cart", "/shop"]);
  expect(suggested(routes, "/about", "/shop")).toEqual([]);
});

// What the preview tells.

let ids = 0;
const event = (part: { kind: string; page?: string; [key: string]: unknown }): PreviewEvent => {
  const { page = "a", ...rest } = part;
  return { id: `${page}-${++ids}`, at: 1_000 + ids, ...rest } as unknown as PreviewEvent;
};
const rowsOf = (log: PreviewLog) => log.console.filter(({ kind }) => kind !== "page");
const said = (text: string, part: object = {}) =>
  event({ kind: "console", level: "log", args: [text], ...part });
const thrown = (message: string, part: object = {}) =>
  event({ kind: "error", name: "TypeError", message, rejection: false, ...part });
const told = (...events: PreviewEvent[]): PreviewLog => logAfter(emptyLog(), events);
const faultsOf = (log: PreviewLog) =>
  [...log.faults.values()].map(({ kind, message, count }) => `${kind} ${message} ${count}`);

test("the same line in a row stands once with a count, and again after another one", () => {
  const log = told(said("tick"), said("tick"), said("tock"), said("tick"));
  expect(rowsOf(log).map(({ text, count }) => `${text} ${count}`)).toEqual(["tick 2", "tock 1", "tick 1"]);
});

test("an event that comes by the frame and by the server is taken once", () => {
  const twice = said("hello");
  const log = told(twice);
  expect(logAfter(log, [twice])).toBe(log);
});

test("the console outlives a reload; what was wrong with the page before does not", () => {
  const before = told(
    thrown("x is undefined"),
    event({ kind: "ready", route: "/a", title: "" }),
    said("oh", { level: "error" }),
  );
  expect(before.faults.size).toBe(2);
  const log = logAfter(before, [
    thrown("at once", { page: "b" }),
    event({ kind: "ready", route: "/b", title: "", page: "b" }),
  ]);
  expect(log.console.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    "page /a",
    "error TypeError: x is undefined",
    "message oh",
    "page /b",
    "error TypeError: at once",
  ]);
  // What its scripts threw before it said where it is belongs to the new page.
  expect(faultsOf(log)).toEqual(["error TypeError: at once 1"]);
  expect(log.route).toBe("/b");
});

test("a page elsewhere that goes on talking begins no new page", () => {
  const log = told(said("one"), said("two", { page: "b" }), said("three"));
  expect(log.console.filter(({ kind }) => kind === "page")).toHaveLength(2);
});

test("a fault that differs in a number alone is the same fault", () => {
  const log = told(thrown("Failed for item 17"), thrown("Failed for item 18"), thrown("Failed for nobody"));
  expect(faultsOf(log)).toEqual([
    "error TypeError: Failed for item 18 2",
    "error TypeError: Failed for nobody 1",
  ]);
  expect(fingerprintOf("error", "at http://a.test/x?t=1", "src/a.ts")).toBe(
    fingerprintOf("error", "at http://a.test/x?t=2", "src/a.ts"),
  );
  expect(fingerprintOf("error", "same", "src/a.ts")).not.toBe(fingerprintOf("error", "same", "src/b.ts"));
  expect(fingerprintOf("error", "deface the feed")).toBe("error\n\ndeface the feed");
});

test("two statuses of one address are two faults", () => {
  const request = (status: number) =>
    event({ kind: "network", method: "GET", url: "/api/a", duration_ms: 3, status });
  const log = told(request(500), request(404), request(500));
  expect(faultsOf(log)).toEqual(["network GET /api/a 1", "network GET /api/a 2"]);
  expect(log.network).toHaveLength(3);
});

test("one overlay at a time, and it goes when the dev server is content again", () => {
  const overlay = (message: string) => event({ kind: "overlay", message, file: "src/App.tsx", line: 3 });
  const log = told(overlay("Unexpected token\n  at x"), overlay("Another"));
  expect([...log.faults.values()]).toMatchObject([
    { message: "Another", place: { path: "src/App.tsx", line: 3 } },
  ]);
  expect(logAfter(log, [event({ kind: "overlay_gone" })]).faults.size).toBe(0);
});

test("one slip is one fault: what says again that its file did not load is left out", () => {
  const message =
    "Transform failed with 1 error:\n\n[PARSE_ERROR] Expected `,`\n   ╭─[ src/Header.tsx:42:4 ]\n 42 │ );";
  const failed = (file: string) =>
    event({ kind: "network", method: "GET", url: `/${file}?t=1`, duration_ms: 1, status: 500 });
  const vite = said("[vite] Failed to reload /src/Header.tsx.", { level: "error" });
  const log = told(
    failed("src/Header.tsx"),
    vite,
    event({ kind: "overlay", message, file: "src/Header.tsx" }),
    failed("src/Header.tsx"),
    failed("src/Other.tsx"),
  );
  expect([...log.faults.values()]).toMatchObject([
    {
      message: "[PARSE_ERROR] Expected `,`",
      detail: message,
      place: { path: "src/Header.tsx", line: 42, column: 4 },
    },
    { kind: "network", message: "GET /src/Other.tsx?t=1" },
  ]);
  expect(log.network).toHaveLength(2);
});

test("a blank page is a fault until it shows something", () => {
  const log = told(event({ kind: "blank", route: "/" }));
  expect(faultsOf(log)).toEqual(["blank / 1"]);
  expect(logAfter(log, [event({ kind: "not_blank" })]).faults.size).toBe(0);
});

test("a line in the console is no news for whoever shows faults and requests", () => {
  const log = told(
    thrown("a"),
    event({ kind: "network", method: "GET", url: "/x", duration_ms: 1, failure: "failed" }),
  );
  const next = logAfter(log, [said("more")]);
  expect(next.faults).toBe(log.faults);
  expect(next.network).toBe(log.network);
});

test("a page that never stops talking is bounded in rows, in text and in faults", () => {
  const rows = told(...Array.from({ length: MAX_ROWS + 50 }, (_, index) => said(`line ${index}`)));
  expect(rows.console).toHaveLength(MAX_ROWS);
  expect(rows.console.at(-1)?.text).toBe(`line ${MAX_ROWS + 49}`);
  const long = "x".repeat(8_000);
  const heavy = told(...Array.from({ length: 900 }, (_, index) => said(`${index} ${long}`)));
  expect(heavy.chars).toBeLessThanOrEqual(MAX_CHARS);
  expect(heavy.chars).toBe(heavy.console.reduce((sum, { text }) => sum + text.length, 0));
  const letters = (index: number) => [...String(index)].map((digit) => "abcdefghij"[Number(digit)]).join("");
  const faults = told(...Array.from({ length: MAX_FAULTS + 20 }, (_, index) => thrown(letters(index))));
  expect(faults.faults.size).toBe(MAX_FAULTS);
});

test("a cleared console counts from nothing", () => {
  const log = withoutConsole(told(said("a"), thrown("b")));
  expect(log).toMatchObject({ console: [], chars: 0 });
  expect(log.faults.size).toBe(1);
});

test("the picker ends with a choice", () => {
  const on = told(event({ kind: "picker", on: true }));
  expect(on.picking).toBe(true);
  expect(logAfter(on, [event({ kind: "picked", tag: "p", text: "" })]).picking).toBe(false);
});

// Coming back.

test("a page is loaded anew only when its server was away and it did not come back by itself", () => {
  const look = (status: "running" | "starting" | "error" | "frozen", restarts = 0) => ({ status, restarts });
  const first = recoveryAfter(recoveryAfter(NOT_RUN, look("starting"), 1), look("running"), 2);
  expect(needsLoad(first, 0, 99_999)).toBe(false);
  const back = recoveryAfter(recoveryAfter(first, look("error"), 10), look("running"), 20);
  expect(needsLoad(back, 0, 20 + COMES_BACK_MS)).toBe(true);
  expect(needsLoad(back, 0, 20 + COMES_BACK_MS - 1)).toBe(false);
  expect(needsLoad(back, 15, 20 + COMES_BACK_MS)).toBe(false);
});

test("a death between two looks is known by the count, and a pause is none", () => {
  const ran = recoveryAfter(NOT_RUN, { status: "running", restarts: 0 }, 1);
  expect(recoveryAfter(ran, { status: "running", restarts: 1 }, 9).backAt).toBe(9);
  const paused = recoveryAfter(ran, { status: "frozen", restarts: 0 }, 5);
  expect(recoveryAfter(paused, { status: "running", restarts: 0 }, 9).backAt).toBeUndefined();
});

test("what a page did before the second look still counts", () => {
  const ran = recoveryAfter(NOT_RUN, { status: "running", restarts: 0 }, 1);
  const back = recoveryAfter(ran, { status: "running", restarts: 1 }, 100);
  const again = recoveryAfter(back, { status: "running", restarts: 1 }, 200);
  expect(needsLoad(again, 50, 100 + COMES_BACK_MS)).toBe(false);
});

test("the page's time is from asking for it to its load, and that of the page that waits is none", () => {
  const after = (...signs: PaintSign[]) =>
    signs.reduce<{ watch: PaintWatch; ms?: number }>(({ watch }, sign) => paintAfter(watch, sign), {
      watch: NOT_ASKED,
    }).ms;
  const asked: PaintSign = { type: "asked", at: 100, isUp: true };
  expect(after(asked, { type: "loaded", at: 340 }, { type: "ready" })).toBe(240);
  expect(after(asked, { type: "ready" }, { type: "loaded", at: 340 })).toBe(240);
  expect(after(asked, { type: "loaded", at: 340 })).toBeUndefined();
  expect(after(asked, { type: "loaded", at: 340 }, { type: "silent" })).toBe(240);
  expect(after({ ...asked, isUp: false }, { type: "ready" }, { type: "loaded", at: 340 })).toBeUndefined();
});

test("an address of this very computer is known", () => {
  expect(["localhost", "a.localhost", "127.0.0.1", "[::1]", "127.9.9.9"].every(isLoopback)).toBe(true);
  expect(["localhost.example", "192.168.1.4", "1270.0.0.1", "example.com"].some(isLoopback)).toBe(false);
});
