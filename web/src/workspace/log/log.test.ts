// The colours of a terminal, and which rows of a long list are in the document.
import { expect, test } from "vitest";
import { spansOf } from "./ansi";
import { rowAt, sliceOf, topsOf } from "./windowed";

test("colours and weights become spans with names", () => {
  expect(spansOf("\u001b[32m\u001b[1mVITE\u001b[22m ready\u001b[39m now")).toEqual([
    { colour: "green", bold: true, text: "VITE" },
    { colour: "green", text: " ready" },
    { text: " now" },
  ]);
  expect(spansOf("\u001b[41;37;4m FAIL \u001b[0m x")).toEqual([
    { back: "red", colour: "white", underline: true, text: " FAIL " },
    { text: " x" },
  ]);
});

test("large palettes become the nearest name", () => {
  const colourOf = (codes: string) => spansOf(`\u001b[${codes}mx`)[0]?.colour;
  expect(
    ["38;5;196", "38;5;46", "38;5;21", "38;2;255;200;0", "38;2;120;120;125", "38;5;240", "90"].map(colourOf),
  ).toEqual(["red", "green", "blue", "yellow", "black", "black", "black"]);
  // What follows an extended colour is read on.
  expect(spansOf("\u001b[38;5;196;1mx")[0]).toEqual({ colour: "red", bold: true, text: "x" });
});

test("what is no style is left out, and a line that is written over shows its end", () => {
  expect(spansOf("\u001b[2K\u001b[1G\u001b]8;;http://x\u0007link\u001b]8;;\u0007")).toEqual([
    { text: "link" },
  ]);
  expect(spansOf("10 %\r50 %\r100 %\r")).toEqual([{ text: "100 %" }]);
  expect(spansOf("")).toEqual([]);
  expect(spansOf("\u001b[31")).toEqual([{ text: "\u001b[31" }]);
});

test("only rows near the window are in the document", () => {
  const tops = topsOf(1_000, (index) => (index === 3 ? 200 : 20));
  expect(tops.at(-1)).toBe(20_180);
  expect([0, 59, 60, 259, 260, 99_999].map((y) => rowAt(tops, y))).toEqual([0, 2, 3, 3, 4, 999]);
  expect(sliceOf(tops, 0, 100, 0)).toEqual({ from: 0, to: 4 });
  expect(sliceOf(tops, 20_080, 100, 40)).toEqual({ from: 993, to: 1_000 });
  expect(
    sliceOf(
      topsOf(0, () => 20),
      0,
      100,
      40,
    ),
  ).toEqual({ from: 0, to: 0 });
});
