// A hand-written example of a finished exchange; every screen that shows it says so.
import type { Turn } from "../lib/runtime/turns";

export const sampleTurns: Turn[] = [
  {
    id: "sample-first-week",
    question: "What should the first week of a new colleague look like?",
    answer: `Keep the first week **light on meetings and heavy on context**. People who ship something small by Friday settle in faster than people who only read[1].

### A week that works

1. **Monday:** laptop, accounts and one long lunch. Nothing else is due.
2. **Tuesday:** a walk through the product with someone from support, who knows where it hurts[2].
3. **Wednesday and Thursday:** one small, real task, with a named buddy next to it.
4. **Friday:** show the result to the team, then half an hour with the manager.

Write the plan down *before* the first day and send it along with the contract: most first-day worries are about not knowing what happens next[3].`,
    steps: [
      { id: "read", label: "Read the question", detail: "A plan for one week; no role given, so keep it general.", status: "complete" },
      { id: "find", label: "Looked in the handbook", detail: "Three pages mention the first week.", status: "complete" },
      { id: "write", label: "Wrote a day-by-day plan", detail: "Kept to what the pages say.", status: "complete" },
    ],
    sources: [
      { ref: "1", title: "People handbook, chapter 2", excerpt: "A first task that reaches customers within five days is the best predictor of a good first quarter.", url: null },
      { ref: "2", title: "Support rota guide", excerpt: "New colleagues join a support shift on their second day. Bring questions, leave with opinions.", url: null },
      { ref: "3", title: "Welcome letter, template", excerpt: "Attach the plan of the week. Name the buddy, the lunch place and the door code.", url: null },
    ],
    status: "done",
    error: null,
    isSample: true,
  },
];
