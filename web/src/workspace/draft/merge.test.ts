import { expect, test } from "vitest";
import { mergeApart } from "./merge";

const base = "one\ntwo\nthree\nfour\n";

test("changes at different places are both kept, whichever comes first", () => {
  const top = "ONE\ntwo\nthree\nfour\n";
  const bottom = "one\ntwo\nthree\nFOUR\n";
  expect(mergeApart(base, top, bottom)).toBe("ONE\ntwo\nthree\nFOUR\n");
  expect(mergeApart(base, bottom, top)).toBe("ONE\ntwo\nthree\nFOUR\n");
});

test("changes that touch are for a person to decide", () => {
  expect(mergeApart(base, "one\ntwo!\nthree\nfour\n", "one\ntwo?\nthree\nfour\n")).toBeNull();
  expect(mergeApart("a b", "A b", "a B")).toBeNull();
  expect(mergeApart(base, "", "one\ntwo\nthree\nFOUR\n")).toBeNull();
});

test("a side that changed nothing gives way", () => {
  expect(mergeApart(base, base, "theirs")).toBe("theirs");
  expect(mergeApart(base, "mine", base)).toBe("mine");
});
