// The rules of the drawer: the one list of problems, and what of the console is seen.
import { expect, test } from "vitest";
import type { Problem, Validation } from "../../api/types";
import type { ConsoleRow, Fault } from "../preview/preview-log";
import { countsByLevel, headOf, NO_FILTER, seenRows } from "./console-view";
import { problemsOf, type Sources } from "./problems";

const exists = (path: string) => path.startsWith("src/");
const fault = (part: Partial<Fault>): Fault => ({
  fingerprint: `f${part.message}`,
  kind: "error",
  message: "x",
  count: 1,
  at: 100,
  ...part,
});
const problem = (part: Partial<Problem>): Problem => ({
  type: "",
  title: "The build failed",
  status: 422,
  code: "build_failed",
  detail: "",
  ...part,
});
const listed = (sources: Partial<Sources>) => problemsOf({ faults: [], exists, ...sources });

test("problems of all sources stand in one list, the newest first", () => {
  const validation: Validation = {
    faults: [{ code: "a", message: "No entry" }],
    warnings: [{ code: "b", message: "Large" }],
  };
  const all = listed({
    faults: [fault({ message: "older", at: 10 }), fault({ message: "newest", at: 900 })],
    check: { validation, at: 300 },
    build: {
      problem: problem({ errors: [{ code: "c", message: "Cannot find x", path: "src/a.ts", line: 3 }] }),
      at: 500,
    },
    start: { problem: problem({ title: "No answer" }), at: 400 },
  });
  expect(all.map(({ kind, message }) => `${kind} ${message}`)).toEqual([
    "error newest",
    "build Cannot find x",
    "start No answer",
    "check No entry",
    "check Large",
    "error older",
  ]);
});

test("each has one thing to do: its place when the draft has it, else the way to more", () => {
  const remedyOf = (part: Partial<Fault>) => listed({ faults: [fault(part)] })[0]?.remedy;
  expect(remedyOf({ place: { path: "src/a.ts", line: 4 } })).toEqual({
    kind: "open",
    place: { path: "src/a.ts", line: 4 },
  });
  expect(remedyOf({ place: { path: "node_modules/x.js", line: 4 } })).toEqual({
    kind: "show",
    tab: "console",
  });
  expect(remedyOf({ kind: "network" })).toEqual({ kind: "show", tab: "network" });
  expect(remedyOf({ kind: "blank" })).toEqual({ kind: "reload" });
  expect(remedyOf({ kind: "overlay" })).toEqual({ kind: "show", tab: "server" });
  const [check] = listed({
    check: { validation: { faults: [{ code: "a", message: "x" }], warnings: [] }, at: 1 },
  });
  expect(check?.remedy).toEqual({ kind: "again" });
  const [build] = listed({ build: { problem: problem({}), at: 1 } });
  expect(build).toMatchObject({ message: "The build failed", remedy: { kind: "show", tab: "build" } });
});

test("a fault of the types is told apart from the build it stopped", () => {
  const errors = [{ code: "TS2304", message: "Cannot find name 'a'.", path: "src/a.ts", line: 1 }];
  expect(listed({ build: { problem: problem({ errors }), at: 1 } })[0]?.kind).toBe("type");
});

test("the same finding at two lines is two problems, twice at one line it is one", () => {
  const finding = (line: number) => ({ code: "a", message: "Bad import", path: "src/a.ts", line });
  const validation = { faults: [finding(1), finding(9), finding(9)], warnings: [] };
  expect(listed({ check: { validation, at: 1 } }).map(({ count }) => count)).toEqual([1, 2]);
});

// The console.

const row = (part: Partial<ConsoleRow>): ConsoleRow => ({
  key: 1,
  kind: "message",
  level: "info",
  at: 0,
  text: "hello",
  count: 1,
  ...part,
});

test("what is filtered out is not seen, and without a filter the rows are the same", () => {
  const rows = [
    row({}),
    row({ level: "error", text: "Boom", place: { path: "src/App.tsx" } }),
    row({ kind: "page", text: "/" }),
  ];
  expect(seenRows(rows, NO_FILTER)).toBe(rows);
  expect(seenRows(rows, { ...NO_FILTER, text: "app.TSX" }).map(({ text }) => text)).toEqual(["Boom"]);
  expect(seenRows(rows, { text: "", hidden: new Set(["error"]) }).map(({ text }) => text)).toEqual([
    "hello",
    "/",
  ]);
});

test("levels are counted with repeats, and pages are no message", () => {
  expect(countsByLevel([row({ count: 3 }), row({ level: "error" }), row({ kind: "page" })])).toMatchObject({
    info: 3,
    error: 1,
  });
});

test("an object is opened for what is beyond its first line", () => {
  expect(headOf({ text: "short" })).toEqual({ head: "short", more: false });
  expect(headOf({ text: "{\n  a: 1\n}" })).toEqual({ head: "{", more: true });
  expect(headOf({ text: "Error: x", stack: "at y" })).toEqual({ head: "Error: x", more: true });
  expect(headOf({ text: "x".repeat(500) })).toMatchObject({ more: true });
});
