// A hand-written exchange for /sample; the log marks it as such.
import type { Turn } from "../lib/runtime/turns";

export const sampleTurns: Turn[] = [
  {
    id: "sample-latency",
    question: "Why did p99 latency double after Tuesday's deploy?",
    answer: `The deploy itself is not the cause. **The connection pool is**: release 4.18 halved its size, and checkout waits for a free connection at peak[1].

- p50 did not move (38 ms), so the work per request is the same
- p99 follows *pool wait time* almost exactly from 14:02 on[2]
- the nightly job holds four of the ten connections for 20 minutes[3]

Undo the pool change first; it is one line:

\`\`\`
pool:
  max_connections: 20   # was lowered to 10 in 4.18
\`\`\``,
    steps: [
      { id: "1", label: "scope", detail: "one service, one percentile, since Tuesday 14:02", status: "complete" },
      { id: "2", label: "compare", detail: "4.17 against 4.18: 31 changed lines, 2 of them configuration", status: "complete" },
      { id: "3", label: "check", detail: "pool wait explains 96 % of the added time", status: "complete" },
    ],
    sources: [
      { ref: "1", title: "release 4.18, config diff", excerpt: "max_connections 20 → 10", url: null },
      { ref: "2", title: "checkout dashboard", excerpt: "pool wait, p99, last 7 days", url: null },
      { ref: "3", title: "job schedule", excerpt: "report export, daily 14:00, 20 min", url: null },
    ],
    status: "done",
    error: null,
    isSample: true,
  },
];
