// F11: what lists, reads and change sets take with 10 to 1,000,000 apps in the database. And F10's part that follows from it:
// what an untouched app costs on disk.
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { get } from '../e2e/lib/http.mjs';
import { ADMIN_KEY } from '../e2e/lib/server.mjs';
import { summary, timed } from './lib/stats.mjs';
import { TEMPLATE, startServer, toolchainNode } from './lib/vitrine.mjs';

const SIZES = [10, 10_000, 100_000, 1_000_000];

/**
 * Copies an app so often, as rows: the way through the API would take an hour for a million. Every copy is an untouched app of
 * its own, spread over time as if they had been made one a second. Run by a Node.js that has SQLite, while no server runs.
 */
const GENERATOR = `
const { DatabaseSync } = require('node:sqlite');
const [, file, app, first, last] = process.argv;
const db = new DatabaseSync(file);
const columns = db.prepare("SELECT name FROM pragma_table_info('apps')").all().map(({ name }) => name);
const changed = { id: "printf('app_%026d', n)", slug: "printf('generated-%d', n)", name: "printf('Generated %d', n)",
  created_at: 'created_at - n * 1000', updated_at: 'updated_at - n * 1000' };
const values = columns.map((column) => changed[column] ?? column).join(', ');
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; BEGIN');
db.prepare(\`WITH RECURSIVE numbers(n) AS (SELECT \${Number(first)} UNION ALL SELECT n + 1 FROM numbers WHERE n < \${Number(last)})
  INSERT INTO apps (\${columns.join(', ')}) SELECT \${values} FROM numbers, apps WHERE id = ?\`).run(app);
db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
db.close();
`;

export async function f11({ quick, root }) {
  const layersDir = join(root, 'bench/.layers');
  const sizes = quick ? SIZES.slice(0, 2) : SIZES;
  const calls = quick ? 100 : 500;
  const server = await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir } });
  const measured = new Map();
  let perApp = 0;
  try {
    const node = toolchainNode(layersDir);
    const app = (await server.createFromTemplate(TEMPLATE)).id;
    let made = 0;
    for (const size of sizes) {
      await server.stop();
      const database = join(server.dataDir, readdirSync(server.dataDir).find((name) => name.endsWith('.db')));
      const before = statSync(database).size;
      execFileSync(node, ['-e', GENERATOR, database, app, String(made + 1), String(size - 1)]);
      if (size - 1 - made > 1_000) perApp = (statSync(database).size - before) / (size - 1 - made);
      made = size - 1;
      const { ms } = await timed(() => server.restart());
      measured.set(size, { start: ms, ...(await asked(server, made, calls)) });
    }
  } finally {
    await server.remove();
  }
  const [least, most] = [measured.get(sizes[0]), measured.get(sizes.at(-1))];
  const rows = sizes.flatMap((size) => ['list', 'get', 'change'].map((call) => ({
    name: `${call}, ${size.toLocaleString('en')} apps`,
    ours: measured.get(size)[call],
    ...(size === sizes[0] ? {} : { peer: least[call] }),
  })));
  const growth = ['list', 'get', 'change'].map((call) => `${call} ${(most[call].p99 / least[call].p99).toFixed(2)}`).join(', ');
  const starts = sizes.map((size) => `${Math.round(measured.get(size).start)} ms with ${size.toLocaleString('en')}`).join(', ');
  return {
    id: 'F11',
    what: 'lists, reads and change sets with many apps',
    goal: 'p99 ≤ 10 ms, and with 1,000,000 apps ≤ 1.5 × that with 10; F10: ≤ 8 KiB and ≤ 2 inodes for an untouched app',
    rows,
    failures: 0,
    note: `Peer: the same calls with ${sizes[0]} apps. p99 of the last size against the first: ${growth}. Start to ready: ${starts}. `
      + `An untouched app costs ${Math.round(perApp)} bytes of the database and no inode.`,
  };
}

async function asked(server, made, calls) {
  const agent = new http.Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const origin = `http://127.0.0.1:${server.port}`;
  const anyApp = () => `app_${String(1 + Math.floor(Math.random() * made)).padStart(26, '0')}`;
  const take = async (call) => {
    const samples = [];
    for (let run = 0; run < calls + 20; run++) {
      const { ms, result } = await timed(() => call(run));
      if (result.status !== 200) throw new Error(`${result.status} ${JSON.stringify(result.body).slice(0, 300)}`);
      // The first few open connections and fill caches.
      if (run >= 20) samples.push(ms);
    }
    return summary(samples);
  };
  try {
    return {
      list: await take(() => get(`${origin}/v1/apps?limit=50`, { headers, agent })),
      get: await take(() => get(`${origin}/v1/apps/${anyApp()}`, { headers, agent })),
      change: await take((run) => server.call('POST', `/v1/apps/${anyApp()}/changes`, {
        json: { ops: [{ op: 'write', path: 'src/measured.txt', text: String(run) }] },
      })),
    };
  } finally {
    agent.destroy();
  }
}
