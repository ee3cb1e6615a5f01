import { expect, test } from "vitest";
import { initialsOf, namesOf, othersOf, peopleByFile, toneOf } from "./people";

const ada = { client_id: "c2", name: "Ada Lovelace", file: "src/App.tsx", line: 3 };
const bert = { client_id: "c1", name: "bert@example.com", file: "src/App.tsx" };
const me = { client_id: "c3", name: "Me" };

test("one's own page is nobody else, and the order stays whatever the server's is", () => {
  expect(othersOf([bert, me, ada], "c3")).toEqual([ada, bert]);
  expect(othersOf([ada, me, bert], "c3")).toEqual([ada, bert]);
});

test("people stand at the file they are in, and nowhere when they are in none", () => {
  expect([...peopleByFile([ada, bert, me])]).toEqual([["src/App.tsx", [ada, bert]]]);
});

test("a name becomes letters and a colour that stay", () => {
  expect(initialsOf("Ada Lovelace")).toBe("AL");
  expect(initialsOf("ö")).toBe("Ö");
  expect(initialsOf("bert@example.com")).toBe("BE");
  expect(initialsOf("")).toBe("?");
  expect(toneOf(ada)).toBe(toneOf({ ...ada, client_id: "c9" }));
});

test("names read as a sentence has them, each once", () => {
  expect(namesOf([ada, bert, { ...ada, client_id: "c7" }], "en")).toBe("Ada Lovelace and bert@example.com");
});
