// Positions: from what ran to what was written, and from what was written to what is written now.
import { expect, test } from "vitest";
import { followLine, originalPosition, readSourceMap } from "../src/source-map";

/** Line 1 comes from line 3 of the second source, line 2 has nothing, line 3 goes back to the first. */
const MAP = { version: 3, sources: ["a.ts", "b.ts"], mappings: "AAAA,IACE,MCEA;;GFHF" };

test("the segment at or before a column says where it was written", () => {
  const map = readSourceMap({ sources: ["a.ts", "b.ts"], mappings: "AAAA,IACE,MCEA;;GFHF" });
  if (!map) throw new Error("it is a map");
  expect(originalPosition(map, 1, 1)).toEqual({ source: 0, line: 1, column: 1 });
  expect(originalPosition(map, 1, 5)).toEqual({ source: 0, line: 2, column: 3 });
  expect(originalPosition(map, 1, 99)).toEqual({ source: 1, line: 4, column: 3 });
  expect(originalPosition(map, 2, 1)).toBeUndefined();
  expect(originalPosition(map, 9, 1)).toBeUndefined();
});

test("what is no map, or one of sections, is not read", () => {
  expect(readSourceMap({ sources: ["a.ts"] })).toBeUndefined();
  expect(readSourceMap({ mappings: "AAAA" })).toBeUndefined();
  expect(readSourceMap({ ...MAP, sourceRoot: "src" })?.sources).toEqual(["src/a.ts", "src/b.ts"]);
});

test("a line is found again after an edit before, behind and around it", () => {
  const before = "a\nb\nc\nd";
  expect(followLine(before, "a\nb\nc\nd", 3)).toBe(3);
  expect(followLine(before, "new\na\nb\nc\nd", 3)).toBe(4);
  expect(followLine(before, "a\nb\nc\nd\nnew", 3)).toBe(3);
  expect(followLine(before, "b\nc\nd", 3)).toBe(2);
  expect(followLine(before, "x\nb\ny\nc\nz", 3)).toBe(4);
  expect(followLine(before, "a\nb\nC\nd", 3)).toBeUndefined();
});
