import { expect, test } from "vitest";
import { ariaKeys, isTyped, keysLabel, matches, parseKeys } from "./keys";

const press = (key: string, held: string[] = [], code = `Key${key.toUpperCase()}`) => ({
  key,
  code,
  ctrlKey: held.includes("ctrl"),
  metaKey: held.includes("meta"),
  shiftKey: held.includes("shift"),
  altKey: held.includes("alt"),
});

test("Mod is Command on a Mac and Control elsewhere, and never the other one", () => {
  expect(matches("Mod+K", press("k", ["ctrl"]), false)).toBe(true);
  expect(matches("Mod+K", press("k", ["meta"]), false)).toBe(false);
  expect(matches("Mod+K", press("k", ["meta"]), true)).toBe(true);
  expect(matches("Mod+K", press("k", ["ctrl", "meta"]), false)).toBe(false);
});

test("a shortcut is exactly its keys", () => {
  expect(matches("Mod+P", press("P", ["ctrl", "shift"]), false)).toBe(false);
  expect(matches("Mod+Shift+P", press("P", ["ctrl", "shift"]), false)).toBe(true);
  expect(matches("Mod+Shift+P", press("p", ["ctrl"]), false)).toBe(false);
});

test("a sign is one however the keyboard makes it", () => {
  expect(matches("?", press("?", ["shift"], "Minus"), false)).toBe(true);
  expect(matches("?", press("?", [], "Slash"), false)).toBe(true);
  expect(parseKeys("Mod++")).toMatchObject({ key: "+", mod: true });
});

test("with Alt the printed key counts, not the letter it gives", () => {
  expect(matches("Mod+Alt+Z", press("Ω", ["meta", "alt"], "KeyZ"), true)).toBe(true);
  // On a German keyboard Z and Y have changed places: what is printed counts.
  expect(matches("Mod+Z", press("y", ["ctrl"], "KeyZ"), false)).toBe(false);
});

test("only a key by itself belongs to whoever is typing", () => {
  const keys = ["?", "Mod+K", "F2", "Alt+X", "Shift+A", "Delete"];
  expect(keys.map(isTyped)).toEqual([true, false, false, false, true, true]);
});

test("keys are written as they are printed", () => {
  expect(keysLabel("Mod+Shift+P", false)).toBe("Ctrl+Shift+P");
  expect(keysLabel("Mod+Shift+P", true)).toBe("⌘⇧P");
  expect(ariaKeys("Mod+Shift+P", false)).toBe("Control+Shift+P");
});
