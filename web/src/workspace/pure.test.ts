// The small rules of the workspace, each in a line or two.
import { expect, test } from "vitest";
import { agoOf, durationOf, memoryOf, sizeOf, spanOf } from "../components/format";
import { backoffMs } from "./draft/backoff";
import { fromEditor, lineEndingOf, replacement, toEditor } from "./editor/text";
import { isPlausiblePath, moveFocus, rowsOf } from "./files/tree-model";
import { keyMove, SIDE_PX } from "./layout/split";
import { appendLines, MAX_LINES, withoutEscapes } from "./log/log-lines";
import { previewUrlAt, routeOf } from "./preview/preview-url";
import { heartbeatIntervalMs, pollIntervalMs } from "./session/polling";

test("the list has folders first, by name, and hides what is closed", () => {
  const rows = rowsOf(
    ["b.ts", "a10.ts", "a9.ts", "src/x/y.ts", "src/App.tsx", "lib/z.ts"],
    (path) => path === "src",
  );
  expect(rows.map(({ path, depth }) => `${depth} ${path}`)).toEqual([
    "0 lib",
    "0 src",
    "1 src/x",
    "1 src/App.tsx",
    "0 a9.ts",
    "0 a10.ts",
    "0 b.ts",
  ]);
  expect(moveFocus(rows, 3, "out")).toBe(1);
  expect(moveFocus(rows, 1, "in")).toBe(2);
  expect(moveFocus(rows, 0, "in")).toBe(0);
  expect(moveFocus(rows, 6, "down")).toBe(6);
});

test("slips in paths are caught", () => {
  expect(["a", "a/b.ts", ".env"].every(isPlausiblePath)).toBe(true);
  expect(["", "/a", "a/", "a//b", "../a", "a\\b", "."].some(isPlausiblePath)).toBe(false);
});

test("a session is watched closely while it starts, and calmly after", () => {
  expect(pollIntervalMs("starting", 0)).toBe(250);
  expect(pollIntervalMs("starting", 14_000)).toBe(250);
  expect(pollIntervalMs("starting", 600_000)).toBe(2_000);
  expect(pollIntervalMs("running", 0)).toBe(10_000);
});

test("a heartbeat may be missed twice", () => {
  expect(heartbeatIntervalMs(1_800)).toBe(60_000);
  expect(heartbeatIntervalMs(30)).toBe(10_000);
});

test("retries grow apart up to a cap, for ever", () => {
  expect(backoffMs(0, 0)).toBe(300);
  expect(backoffMs(1, 0.999)).toBeLessThanOrEqual(800);
  expect(backoffMs(1_000_000, 0.999)).toBeLessThanOrEqual(10_000);
});

test("a route goes with the token, and home is the address as given", () => {
  const url = "http://ses1.preview.localhost:4400/?token=t";
  expect(previewUrlAt(url, "/")).toBe(url);
  expect(previewUrlAt(url, "/about?x=1#y")).toBe("http://ses1.preview.localhost:4400/about?x=1&token=t#y");
  expect(previewUrlAt("http://s.p.localhost/_enter?token=t", "/about")).toBe("http://s.p.localhost/about");
  expect(previewUrlAt(url, "//evil.example/")).not.toContain("//evil");
  expect(routeOf("https://x.test/a?b")).toBe("/a?b");
  expect(routeOf(" about ")).toBe("/about");
});

test("log lines come once, in order, and not endlessly many", () => {
  const line = (seq: number) => ({ seq, at: "", source: "stdout", text: "" }) as const;
  const first = appendLines([], [line(0), line(1)]);
  expect(appendLines(first, [line(0), line(1)])).toBe(first);
  expect(appendLines(first, [line(1), line(2)]).map(({ seq }) => seq)).toEqual([0, 1, 2]);
  const many = Array.from({ length: MAX_LINES + 5 }, (_, seq) => line(seq));
  expect(appendLines([], many)).toHaveLength(MAX_LINES);
});

test("a terminal's escapes are left out", () => {
  expect(withoutEscapes("\u001b[32m\u001b[1mVITE\u001b[22m\u001b[39m \u001b]8;;http://x\u0007link\r")).toBe(
    "VITE link",
  );
});

test("line ends survive the editor", () => {
  const windows = "a\r\nb\r\n";
  expect(fromEditor(toEditor(windows), lineEndingOf(windows))).toBe(windows);
  expect(lineEndingOf("a\r\nb\n")).toBe("\n");
  expect(lineEndingOf("one line")).toBe("\n");
});

test("only the stretch that differs is replaced", () => {
  expect(replacement("same", "same")).toBeNull();
  expect(replacement("hello world", "hello there world")).toEqual({ from: 6, to: 6, insert: "there " });
  expect(replacement("aaa", "aa")).toEqual({ from: 2, to: 3, insert: "" });
  expect(replacement("", "x")).toEqual({ from: 0, to: 0, insert: "x" });
});

test("a separator moves by keys within its range", () => {
  expect(keyMove("ArrowRight", 200, SIDE_PX, 1)).toBe(216);
  expect(keyMove("ArrowRight", 240, SIDE_PX, -1)).toBe(224);
  expect(keyMove("End", 200, SIDE_PX, 1)).toBe(480);
  expect(keyMove("a", 200, SIDE_PX, 1)).toBeUndefined();
});

test("figures read well", () => {
  expect([0.4, 12.3, 999.6, 1_400, 125_000].map(durationOf)).toEqual([
    "<1 ms",
    "12 ms",
    "1.0 s",
    "1.4 s",
    "2 min 5 s",
  ]);
  expect([0, 196 * 2 ** 20, 1023.6 * 2 ** 20, 7.84 * 2 ** 30].map(memoryOf)).toEqual([
    "0 MiB",
    "196 MiB",
    "1.0 GiB",
    "7.8 GiB",
  ]);
  expect([-5, 59_999, 7_199_000, 7_200_000, 172_800_000].map(spanOf)).toEqual([
    "0 s",
    "59 s",
    "119 min",
    "2 h",
    "2 days",
  ]);
  expect([512, 12_300, 4_000_000].map(sizeOf)).toEqual(["512 B", "12.3 KB", "4.0 MB"]);
  const now = Date.parse("2026-01-02T00:00:00Z");
  expect(agoOf("2026-01-01T00:00:00Z", now)).toBe("yesterday");
  expect(agoOf("2026-01-01T23:55:00Z", now)).toBe("5 minutes ago");
});
