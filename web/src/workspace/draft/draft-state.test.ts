import { expect, test } from "vitest";
import { noAnswer } from "../../api/problem";
import type { Tree } from "../../api/types";
import {
  applyToTree,
  decodeText,
  deleteOps,
  judge,
  moveOpenFiles,
  renameOps,
  saveStateOf,
} from "./draft-state";

const entry = { sha256: "a", size: 1, mode: "100644" } as const;
const tree: Tree = { "src/a.ts": entry, "src/b/c.ts": entry, "src2/d.ts": entry };

test("a folder is renamed and deleted file by file, its namesake left alone", () => {
  expect(renameOps(tree, "src", "lib")).toEqual([
    { op: "rename", from: "src/a.ts", to: "lib/a.ts" },
    { op: "rename", from: "src/b/c.ts", to: "lib/b/c.ts" },
  ]);
  expect(Object.keys(applyToTree(tree, deleteOps(tree, "src")))).toEqual(["src2/d.ts"]);
});

test("an open file moves with its unsaved text and goes with its deletion", () => {
  const file = { kind: "text", path: "a", text: "new", baseSha: "x", dirty: true, loadId: 0 } as const;
  const moved = moveOpenFiles(new Map([["a", file]]), [{ op: "rename", from: "a", to: "b" }]);
  expect(moved).toEqual(new Map([["b", { ...file, path: "b" }]]));
  expect(moveOpenFiles(moved, [{ op: "delete", path: "b" }]).size).toBe(0);
});

test("only somebody else's content is a change", () => {
  expect(judge("base", "mine", "base")).toBe("unchanged");
  expect(judge("base", "mine", "mine")).toBe("already_saved");
  expect(judge("base", "mine", "other")).toBe("changed");
  expect(judge("base", "mine", null)).toBe("changed");
  expect(judge(null, "mine", null)).toBe("unchanged");
});

test("text keeps its byte order mark, and what is no text is not taken for it", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values).buffer;
  expect(decodeText(bytes(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
  expect(decodeText(bytes(0x89, 0x50, 0x4e, 0x47))).toBeNull();
  expect(decodeText(bytes(0x61, 0))).toBeNull();
});

test("the worst news comes first", () => {
  const clean = { kind: "text", path: "a", text: "", baseSha: "x", dirty: false, loadId: 0 } as const;
  const files = (file: object) => new Map([["a", { ...clean, ...file }]]);
  expect(saveStateOf(files({}), null, false).status).toBe("saved");
  expect(saveStateOf(files({ dirty: true }), null, false).status).toBe("saving");
  expect(saveStateOf(files({ dirty: true }), noAnswer(), true).status).toBe("offline");
  expect(saveStateOf(files({ dirty: true, rejected: noAnswer() }), null, false).status).toBe("failed");
  const conflict = { sha: "y", text: "theirs" };
  expect(saveStateOf(files({ dirty: true, conflict }), noAnswer(), true).status).toBe("conflict");
});
