import { expect, test } from "vitest";
import { found } from "./ranking";

const items = [
  { title: "Reload the preview", section: "Preview" },
  { title: "Publish the draft", section: "Site" },
  { title: "Preview build", section: "Site" },
  { title: "Unpublish", section: "Site" },
  { title: "Öffnen", section: "Gehe zu" },
];
const titles = (query: string) => found(items, query).map(({ title }) => title);

test("nothing typed finds everything, in its order", () => {
  expect(titles("  ")).toEqual(items.map(({ title }) => title));
});

test("the beginning of a title goes before the middle of one, and both before the section", () => {
  expect(titles("pub")).toEqual(["Publish the draft", "Unpublish"]);
  expect(titles("preview")).toEqual(["Preview build", "Reload the preview"]);
});

test("every word has to be there, in any order, with or without accents", () => {
  expect(titles("site build")).toEqual(["Preview build"]);
  expect(titles("draft pub")).toEqual(["Publish the draft"]);
  expect(titles("offnen")).toEqual(["Öffnen"]);
  expect(titles("publish nothing")).toEqual([]);
});
