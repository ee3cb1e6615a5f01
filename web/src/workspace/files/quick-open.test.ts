import { expect, test } from "vitest";
import { dropFolder, dropPath } from "./drag";
import { findFiles, partsOf } from "./quick-open";

const paths = [
  "index.html",
  "src/App.tsx",
  "src/app.css",
  "src/components/ChatHeader.tsx",
  "src/components/ChatInput.tsx",
  "src/lib/charts/helper.ts",
];
const found = (name: string, recent: string[] = []) => findFiles(paths, name, recent).map(({ path }) => path);

test("part of a name finds the file before part of a folder does", () => {
  expect(found("app")[0]).toBe("src/App.tsx");
  expect(found("ch")[0]).toBe("src/components/ChatInput.tsx");
  expect(found("lib")).toEqual(["src/lib/charts/helper.ts"]);
});

test("capitals stand for the parts of a name", () => {
  expect(found("ci")[0]).toBe("src/components/ChatInput.tsx");
  expect(found("chdr")[0]).toBe("src/components/ChatHeader.tsx");
  expect(found("zzz")).toEqual([]);
});

test("without a name, what was open last comes first", () => {
  expect(found("", ["src/app.css"])[0]).toBe("src/app.css");
});

test("a line and a column may follow the name", () => {
  expect(partsOf("app.tsx:12:3")).toEqual({ name: "app.tsx", line: 12, column: 3 });
  expect(partsOf(":7")).toEqual({ name: "", line: 7 });
  expect(partsOf("app:")).toEqual({ name: "app" });
  expect(partsOf(" app ")).toEqual({ name: "app" });
});

test("a file moves into the folder it is dropped on, and nowhere when it is there", () => {
  expect(dropPath("src/a.ts", "lib")).toBe("lib/a.ts");
  expect(dropPath("src/a.ts", "")).toBe("a.ts");
  expect(dropPath("src/a.ts", "src")).toBeNull();
  expect(dropPath("src", "src/inner")).toBeNull();
  expect(dropPath("src", "src2")).toBe("src2/src");
  expect(dropFolder("src/a.ts", false)).toBe("src");
  expect(dropFolder("src", true)).toBe("src");
});
