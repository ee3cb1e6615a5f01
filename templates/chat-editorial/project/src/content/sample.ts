// A hand-written article that shows the form; the page says that it is a sample.
import type { Turn } from "../lib/runtime/turns";

export const sampleTurns: Turn[] = [
  {
    id: "sample-plane-trees",
    question: "Why do cities plant so many plane trees?",
    answer: `Walk through London, Paris or Madrid in July and the shade over your head is, more often than not, the same tree. The London plane is a hybrid that turned up in the seventeenth century, where an American and an oriental species were grown side by side[1]. Nobody designed it. It simply outlived its neighbours.

What it outlived was soot. When coal darkened the air, the plane shed its bark in plates and, with the bark, the dirt; its leaves are leathery and wash clean in the rain[2]. Limes and elms choked in the same streets. By 1900 a planner who wanted a tree that would still be there in fifty years had very little choice.

> A street tree is a promise to people who are not born yet, so planners choose the one that keeps its word.

### The case for planting something else

The same reliability is now a risk. A street of one species is a street one fungus can empty, and canker stain has done so along the Canal du Midi, where tens of thousands of planes have been felled[3]. Most cities now follow a rule of thumb: no more than a tenth of all trees from one species.

So the plane stays, but in company: hornbeam, hackberry, ginkgo. The shade of the next century will be more mixed than ours, and a little harder to name.`,
    steps: [
      { id: "1", label: "Split the question", detail: "where the tree comes from, why it lasted, what speaks against it", status: "complete" },
      { id: "2", label: "Read four sources", detail: "kept the three that could be checked", status: "complete" },
    ],
    sources: [
      { ref: "1", title: "A history of Platanus × hispanica", excerpt: "The cross was first described from a garden in the 1660s.", url: null },
      { ref: "2", title: "Street trees and air", excerpt: "Bark exfoliation and smooth leaves help a tree to bear deposits of soot.", url: null },
      { ref: "3", title: "Replanting the canal", excerpt: "The felling began in 2006; new rows mix several species.", url: null },
    ],
    status: "done",
    error: null,
    isSample: true,
  },
];
