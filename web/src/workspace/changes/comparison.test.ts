import { expect, test } from "vitest";
import type { Checkpoint, FileChange } from "../../api/revision-calls";
import { between, comparisonOf, discardOps, nameOfComparison, undiscardOps } from "./comparison";

const facts = (sha256: string) => ({ sha256, size: 1, mode: "100644" as const });
const revision = (id: string, draft_version: number, created_at = "2026-01-01"): Checkpoint => ({
  id,
  app_id: "app_1",
  draft_version,
  created_at,
  file_count: 1,
  size_bytes: 1,
});

test("a comparison survives the address of the page", () => {
  for (const name of ["rev_1", "rev_1..rev_2"]) {
    const comparison = comparisonOf(name);
    expect(comparison && nameOfComparison(comparison)).toBe(name);
  }
  expect(comparisonOf("")).toBeUndefined();
});

test("the older one comes first, whichever was chosen first", () => {
  const [old, recent] = [revision("rev_1", 3), revision("rev_2", 9)];
  expect(between(recent, old)).toEqual({ from: "rev_1", to: "rev_2" });
  expect(between(old, recent)).toEqual({ from: "rev_1", to: "rev_2" });
  expect(between(revision("b", 3, "2026-01-02"), old)).toEqual({ from: "rev_1", to: "b" });
});

test("discarding puts each kind of change back, and can be taken back itself", () => {
  const base = { path: "a", is_text: true };
  const modified: FileChange = { ...base, status: "modified", before: facts("x"), after: facts("y") };
  expect(discardOps(modified)).toEqual([{ op: "write", path: "a", sha256: "x", mode: "100644" }]);
  expect(undiscardOps(modified)).toEqual([{ op: "write", path: "a", sha256: "y", mode: "100644" }]);
  const added: FileChange = { ...base, status: "added", after: facts("y") };
  expect(discardOps(added)).toEqual([{ op: "delete", path: "a" }]);
  const deleted: FileChange = { ...base, status: "deleted", before: facts("x") };
  expect(discardOps(deleted)).toEqual([{ op: "write", path: "a", sha256: "x", mode: "100644" }]);
  expect(undiscardOps(deleted)).toEqual([{ op: "delete", path: "a" }]);
  const renamed: FileChange = {
    ...base,
    status: "renamed",
    from_path: "old",
    before: facts("x"),
    after: facts("y"),
  };
  expect(discardOps(renamed)).toEqual([
    { op: "rename", from: "a", to: "old" },
    { op: "write", path: "old", sha256: "x", mode: "100644" },
  ]);
});
