// F13: what the server itself takes: memory when it has nothing to do, the size of its binary, start to ready.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { binary } from '../e2e/lib/server.mjs';
import { summary, timed } from './lib/stats.mjs';
import { startServer } from './lib/vitrine.mjs';

const MIB = 2 ** 20;

export async function f13({ quick, root }) {
  const environment = { VITRINE_INSTALL_LAYERS_DIR: join(root, 'bench/.layers') };
  const server = await startServer({ environment });
  const starts = [];
  let resident = 0;
  try {
    for (let run = 0; run < (quick ? 3 : 20); run++) {
      await server.stop();
      starts.push((await timed(() => server.restart())).ms);
    }
    await server.must('GET', '/v1/apps');
    // What a start leaves behind in memory goes within seconds.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    resident = residentBytes(server.pid);
  } finally {
    await server.remove();
  }
  const size = statSync(binary).size;
  return {
    id: 'F13',
    what: 'what the server itself takes',
    goal: 'idle memory ≤ 60 MiB, binary ≤ 40 MiB, start to ready ≤ 200 ms',
    rows: [{ name: 'start to ready', ours: summary(starts) }],
    failures: 0,
    note: `Idle: ${(resident / MIB).toFixed(1)} MiB resident. Binary: ${(size / MIB).toFixed(1)} MiB, with the builder page, the guest and seven templates.`,
  };
}

/** Of the process alone, shared pages of the binary among it. */
function residentBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1_024;
}
