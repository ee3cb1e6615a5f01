// Every language says the same things, with the same gaps to fill in.
import { expect, test } from "vitest";
import { de as german } from "./de";
import germanSettings from "./de/settings.json";
import { en as english } from "./en";
import englishSettings from "./en/settings.json";

const en = { ...english, settings: englishSettings };
// The titles of problems come from the server in English.
const { titles, ...translated } = german;
const de = { ...translated, settings: germanSettings };

/** `area.key` → text. The plural forms of a text are one key: languages have different ones. */
function flat(node: object, prefix = ""): [string, string][] {
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
    const path = `${prefix}${key.replace(/_(zero|one|two|few|many|other)$/, "")}`;
    return typeof value === "string"
      ? [[path, value] as [string, string]]
      : flat(value as object, `${path}.`);
  });
}

function gaps(text: string): string[] {
  return [...text.matchAll(/\{\{\s*([a-z_A-Z]+)/g)].map((match) => match[1] ?? "").sort();
}

test("German has every text that English has, and no other", () => {
  const keys = (catalogs: object) => [...new Set(flat(catalogs).map(([path]) => path))].sort();
  expect(keys(de)).toEqual(keys(en));
});

test("a translation fills in what the English text fills in", () => {
  const theirGaps = new Map(flat(de).map(([path, text]) => [path, gaps(text)]));
  for (const [path, text] of flat(en)) {
    const theirs = (theirGaps.get(path) ?? []).filter((gap) => gap !== "count");
    expect(theirs, path).toEqual(gaps(text).filter((gap) => gap !== "count"));
  }
});

test("no text is empty", () => {
  for (const [path, text] of [...flat(en), ...flat(de), ...flat({ titles })])
    expect(text.trim(), path).not.toBe("");
});
