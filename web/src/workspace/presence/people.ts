// Who else has the app open, worked out from what the channel says.
import type { Person } from "@vitrine/client/channel";

/** How many colours there are to tell people apart by. */
export const TONES = 6;

/** Everybody but this page, in an order that stays. */
export function othersOf(people: readonly Person[], clientId: string | undefined): Person[] {
  return people
    .filter((person) => person.client_id !== clientId)
    .sort((a, b) => a.name.localeCompare(b.name) || (a.client_id < b.client_id ? -1 : 1));
}

/** One or two letters. */
export function initialsOf(name: string): string {
  const words = name
    .trim()
    .split(/[\s@._-]+/u)
    .filter(Boolean);
  const [first = "?", second] = words;
  const letters = second === undefined ? [...first].slice(0, 2) : [[...first][0], [...second][0]];
  return letters.join("").toUpperCase();
}

/** The same person has the same colour everywhere, from 0 to `TONES` - 1. */
export function toneOf({ name }: Person): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9_973;
  return sum % TONES;
}

/** The people in each file. */
export function peopleByFile(people: readonly Person[]): ReadonlyMap<string, readonly Person[]> {
  const byFile = new Map<string, Person[]>();
  for (const person of people) {
    if (person.file === undefined) continue;
    const others = byFile.get(person.file);
    if (others) others.push(person);
    else byFile.set(person.file, [person]);
  }
  return byFile;
}

export function namesOf(people: readonly Person[], locale: string): string {
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(new Set(people.map(({ name }) => name)));
}
