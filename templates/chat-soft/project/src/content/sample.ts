// A hand-written example of a chat; the screen labels it as a sample.
import type { Turn } from "../lib/runtime/turns";

const FINISHED: Pick<Turn, "steps" | "status" | "error" | "isSample"> = {
  steps: [],
  status: "done",
  error: null,
  isSample: true,
};

export const sampleTurns: Turn[] = [
  {
    ...FINISHED,
    id: "sample-cabbage",
    question: "I have carrots, half a cabbage and two eggs. What can I make?",
    answer: `Okonomiyaki! A thick Japanese cabbage pancake, and it wants exactly that.

1. Shred the cabbage and grate **two carrots**.
2. Stir in the eggs, four spoons of flour and a splash of water.
3. Fry in a little oil, **five minutes a side**, lid on.

Do you have soy sauce or mayonnaise for the top?`,
    sources: [
      { ref: "1", title: "Weeknight pancakes", excerpt: "Cabbage brings its own water: start with less than you think.", url: null },
    ],
  },
  {
    ...FINISHED,
    sources: [],
    id: "sample-soy",
    question: "Soy sauce, yes!",
    answer: "Lovely. Mix one spoon of it with half a spoon of sugar and brush it on while the pancake is hot. Dinner in twenty minutes.",
  },
];
