import { expect, test } from "vitest";
import type { SearchMatch } from "../../api/search-calls";
import { byFile, foundText, replaceIn, replacementOf, spanOf } from "./replace";

const at = (line: number, column: number, text: string, length: number, text_offset = 0): SearchMatch => ({
  path: "a.ts",
  line,
  column,
  length,
  text,
  text_offset,
});
const plain = { query: "cat", regex: false, caseSensitive: true };

test("every place is replaced, and nothing between them", () => {
  const text = "one cat,\ntwo cat cat\nend";
  const matches = [at(1, 5, "one cat,", 3), at(2, 5, "two cat cat", 3), at(2, 9, "two cat cat", 3)];
  expect(replaceIn(text, matches, () => "dog")).toBe("one dog,\ntwo dog dog\nend");
});

test("columns are counted as the editor counts them, whatever letters come before", () => {
  expect(replaceIn("😀 cat", [at(1, 4, "😀 cat", 3)], () => "dog")).toBe("😀 dog");
});

test("a text that has changed since is left alone", () => {
  expect(replaceIn("now a dog", [at(1, 5, "one cat,", 3)], () => "x")).toBeNull();
  expect(replaceIn("", [at(3, 1, "cat", 3)], () => "x")).toBeNull();
});

test("a long line is shown in part, and replaced where it really is", () => {
  const text = `${"x".repeat(900)}cat`;
  const match = at(1, 901, `${"x".repeat(200)}cat`, 3, 700);
  expect(spanOf(match)).toEqual({ from: 200, to: 203 });
  expect(foundText(match)).toBe("cat");
  expect(replaceIn(text, [match], () => "dog")?.endsWith("xdog")).toBe(true);
});

test("a dollar means something in patterns only", () => {
  expect(replacementOf(plain, "cat", "$&$1")).toBe("$&$1");
  const pattern = { query: "(\\w)at", regex: true, caseSensitive: false };
  expect(replacementOf(pattern, "Cat", "$1og")).toBe("Cog");
  expect(replacementOf({ ...pattern, query: "(?P<name>c)at" }, "cat", "dog")).toBe("dog");
});

test("places are grouped by file in the order they were found", () => {
  const other = { ...at(1, 1, "cat", 3), path: "b.ts" };
  expect(
    byFile([at(1, 1, "cat", 3), other, at(2, 1, "cat", 3)]).map(({ path, matches }) => [
      path,
      matches.length,
    ]),
  ).toEqual([
    ["a.ts", 2],
    ["b.ts", 1],
  ]);
});
