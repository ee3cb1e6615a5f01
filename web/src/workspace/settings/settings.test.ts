import { expect, test } from "vitest";
import { givable, isAtLeast } from "../../pages/roles";
import { commandOf, wordsOf } from "./argv";
import { settingsTabOf } from "./settings-tabs";

test("a command is its words, and quotes hold words together", () => {
  expect(wordsOf('  npx  vite --name "my app" \'it "is"\' ""')).toEqual([
    "npx",
    "vite",
    "--name",
    "my app",
    'it "is"',
    "",
  ]);
  for (const words of [["npm", "run", "dev"], ["echo", "two words", 'say "hi"', ""], []]) {
    expect(wordsOf(commandOf(words))).toEqual(words);
  }
});

test("an unknown part of the settings is the first one", () => {
  expect(settingsTabOf("links")).toBe("links");
  expect(settingsTabOf("")).toBe("general");
  expect(settingsTabOf("no such part")).toBe("general");
});

test("nobody is offered to give a role above their own", () => {
  expect(givable({ role: "admin" })).toEqual(["viewer", "editor", "admin"]);
  expect(isAtLeast("editor", "admin")).toBe(false);
  expect(isAtLeast(undefined, "viewer")).toBe(false);
});
