// Which commands fit what was typed, the best first.

export interface Findable {
  title: string;
  section: string;
}

/** The items that have every word of `query`, in their title or section; all of them for an empty one. */
export function found<Item extends Findable>(items: readonly Item[], query: string): Item[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...items];
  return items
    .map((item, index) => ({ item, index, score: scoreOf(item, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map(({ item }) => item);
}

/** 0 when a word is missing; else the higher, the nearer to the beginning of the title. */
function scoreOf({ title, section }: Findable, words: readonly string[]): number {
  const [name, group] = [plain(title), plain(section)];
  let score = 0;
  for (const word of words) {
    const one = wordScore(name, word) * 2 || wordScore(group, word);
    if (one === 0) return 0;
    score += one;
  }
  return score;
}

function wordScore(text: string, word: string): number {
  if (text.startsWith(word)) return 4;
  if (text.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) return 3;
  return text.includes(word) ? 1 : 0;
}

/** Without case and accents, as people type in a hurry. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
