// Stacks of every browser.
import { expect, test } from "vitest";
import { framesOf } from "../src/stack";

const FRAME = { url: "http://s.preview.localhost:4400/src/App.tsx?t=1", line: 3, column: 14 };

test("the calls of every browser are read", () => {
  const address = `${FRAME.url}:3:14`;
  for (const line of [
    `    at App (${address})`,
    `    at ${address}`,
    `App@${address}`,
    `@${address}`,
    `    at async Promise.all (${address})`,
  ]) {
    expect(framesOf(`Error: a\n${line}\n`), line).toEqual([FRAME]);
  }
});

test("what has no address is passed over, and what is no stack has none", () => {
  expect(framesOf("TypeError: http://x is not\n    at <anonymous>\n    at Array.map (native)")).toEqual([]);
  expect(framesOf({ toString: () => "no" })).toEqual([]);
});
