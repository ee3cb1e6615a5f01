// A hand-written desk with four sources; every pane that shows it says so.
import type { Turn } from "../lib/runtime/turns";

export const sampleTurns: Turn[] = [
  {
    id: "sample-bike-lanes",
    question: "Do protected bike lanes hurt the shops behind them?",
    answer: `Mostly not, and often the reverse. Across the four studies on this desk, turnover **stayed level or rose** in the two years after the change[1][2].

| Street | Change in sales | Period |
|---|---|---|
| Harbour Street | +9 % | 24 months |
| Mill Lane | +1 % | 12 months |
| Station Road | −3 % | first 6 months |

The dip on Station Road falls into the building works and is gone a year later[3]. Owners also *overestimate* how many customers come by car, by a factor of two[4].`,
    steps: [],
    sources: [
      {
        ref: "1",
        title: "Two years on Harbour Street",
        excerpt: "Card payments in 84 shops, twelve months before and twenty-four months after the lane opened. Sales rose by nine per cent, against four per cent on the control street.",
        url: null,
      },
      {
        ref: "2",
        title: "Mill Lane: a small street, measured",
        excerpt: "A study of 31 independent shops.\n\nSales were level in the first year (+1 %, within the margin of error). Visits became shorter and more frequent: people on bicycles spend less each time and come about twice as often.\n\n> The street did not win or lose customers. It exchanged rare visitors for regular ones.\n\nThe authors warn that two shops closed for unrelated reasons and were left out.",
        url: null,
      },
      {
        ref: "3",
        title: "Station Road, during and after",
        excerpt: "Sales fell by three per cent while one lane was closed for works. A year later they had passed the old level.",
        url: null,
      },
      {
        ref: "4",
        title: "How do your customers get here?",
        excerpt: "Owners guessed that 58 per cent of their customers came by car. Counted at the door, it was 27.",
        url: null,
      },
    ],
    status: "done",
    error: null,
    isSample: true,
  },
];
