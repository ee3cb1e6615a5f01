import { expect, test } from "vitest";
import { panelOf, restingSheet, sheetByKey, sheetPercent, viewForFile, viewFrom } from "./views";

test("the address says what is shown, then the last visit, then there is both", () => {
  expect(viewFrom("changes", "code", true)).toBe("changes");
  expect(viewFrom("", "code", true)).toBe("code");
  expect(viewFrom("nonsense", null, true)).toBe("both");
});

test("where there is no room for both, the preview comes first", () => {
  expect(viewFrom("", null, false)).toBe("preview");
  expect(viewFrom("", "both", false)).toBe("preview");
});

test("an opened file is seen, and takes the preview away only where it must", () => {
  expect(viewForFile("both", true)).toBe("both");
  expect(viewForFile("preview", true)).toBe("both");
  expect(viewForFile("preview", false)).toBe("code");
  expect(viewForFile("changes", true)).toBe("both");
});

test("a sheet comes to rest where it is nearest to", () => {
  expect([0, 22, 24, 72, 74, 100].map(restingSheet)).toEqual([
    "down",
    "down",
    "half",
    "half",
    "full",
    "full",
  ]);
  for (const sheet of ["down", "half", "full"] as const)
    expect(restingSheet(sheetPercent(sheet))).toBe(sheet);
});

test("arrows move a sheet step by step", () => {
  expect(sheetByKey("ArrowUp", "down")).toBe("half");
  expect(sheetByKey("ArrowUp", "half")).toBe("full");
  expect(sheetByKey("ArrowDown", "full")).toBe("half");
  expect(sheetByKey("a", "full")).toBeUndefined();
  expect(panelOf("nonsense")).toBe("preview");
});
