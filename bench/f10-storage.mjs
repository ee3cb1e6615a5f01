// F10: what is stored for an untouched app, an edited one, a session, a layer: bytes and inodes.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPLATE, startServer, toolchainNode } from './lib/vitrine.mjs';

const EDITS = 10;

/** Bytes of the database's pages that are in use, while no server runs; by a Node.js that has SQLite. */
const PAGES = `
const { DatabaseSync } = require('node:sqlite');
const db = new DatabaseSync(process.argv[1]);
db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
const setting = (name) => Object.values(db.prepare('PRAGMA ' + name).get())[0];
console.log((setting('page_count') - setting('freelist_count')) * setting('page_size'));
db.close();
`;

export async function f10({ quick, root }) {
  const layersDir = join(root, 'bench/.layers');
  const [untouched, edited] = quick ? [100, 20] : [1_000, 100];
  const environment = { VITRINE_INSTALL_LAYERS_DIR: layersDir, VITRINE_LIMITS_WRITE_PER_MIN: '10000000', VITRINE_LIMITS_EXPENSIVE_PER_MIN: '10000000', VITRINE_OBJECTS_KEEP_UNNEEDED_SECS: '1' };
  const server = await startServer({ environment });
  const rows = [];
  const weighed = async () => {
    await server.stop();
    const database = readdirSync(server.dataDir).find((name) => name.endsWith('.db'));
    const path = join(server.dataDir, database);
    const pages = Number(execFileSync(toolchainNode(layersDir), ['-e', PAGES, path], { encoding: 'utf8' }));
    const { bytes, inodes } = weigh(server.dataDir);
    return { bytes: bytes - statSync(path).size + pages, inodes };
  };
  /** What `work` leaves in the data directory, for each of `count`; answers what was there before, or is given it. */
  const cost = async (name, count, work, before = undefined) => {
    before ??= await weighed();
    await server.restart();
    await work();
    const after = await weighed();
    rows.push(one(name, (after.bytes - before.bytes) / count, ' bytes'), one(`${name}: inodes`, (after.inodes - before.inodes) / count));
    return before;
  };
  try {
    const apps = [(await server.createFromTemplate(TEMPLATE)).id];
    const text = await server.read(apps[0], 'src/App.tsx');
    await cost('an untouched app of a template', untouched, async () => {
      for (let number = 0; number < untouched; number++) apps.push((await server.createFromTemplate(TEMPLATE)).id);
    });
    const unedited = await cost(`${EDITS} edits of a file of ${text.length} bytes`, edited, async () => {
      for (const app of apps.slice(1, edited + 1)) {
        for (let edit = 0; edit < EDITS; edit++) await server.write(app, { 'src/App.tsx': `${text}// ${app} ${edit}\n` });
      }
    });
    await cost('the same, when what was replaced has been collected', edited, async () => {
      const collect = () => server.must('POST', '/v1/collection', { json: { dry_run: false } });
      for (let round = 0; round < 2; round++) {
        while (!(await collect()).is_done);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      }
    }, unedited);
    await cost('a revision of an edited app', edited, async () => {
      for (const app of apps.slice(1, edited + 1)) await server.must('POST', `/v1/apps/${app}/revisions`, { json: {} });
    });
    const sessions = quick ? 1 : 10;
    await cost('a session that was started and stopped', sessions, async () => {
      for (const app of apps.slice(1, sessions + 1)) {
        await server.session(app);
        await server.must('DELETE', `/v1/apps/${app}/session`);
      }
    });
    const layers = readdirSync(join(layersDir, 'layers')).map((name) => weigh(join(layersDir, 'layers', name, 'node_modules')));
    const beside = readdirSync(join(layersDir, 'layers')).map((name) => weigh(join(layersDir, 'layers', name)));
    const middle = (weights, of) => weights.map(of).sort((one, other) => one - other)[Math.floor(weights.length / 2)];
    rows.push(one('a layer, node_modules', middle(layers, ({ bytes }) => bytes), ' bytes'), one('a layer, node_modules: inodes', middle(layers, ({ inodes }) => inodes)));
    rows.push(one('a layer, with caches and pre-bundles', middle(beside, ({ bytes }) => bytes), ' bytes'), one('a layer, with caches and pre-bundles: inodes', middle(beside, ({ inodes }) => inodes)));
  } finally {
    await server.remove();
  }
  const [perApp, perAppInodes] = [rows[0].ours.p50, rows[1].ours.p50];
  return {
    id: 'F10',
    what: 'what is stored',
    goal: 'an untouched app ≤ 8 KiB and ≤ 2 inodes',
    rows,
    failures: perApp > 8 * 1_024 || perAppInodes > 2 ? 1 : 0,
    note: `Means over ${untouched} untouched and ${edited} edited apps; of layers, the median. Bytes of files as they are long, and of the database's pages in use.`,
  };
}

function one(name, value, unit = '') {
  return { name, ours: { runs: 1, p50: Math.round(value * 100) / 100, unit } };
}

/** Files below a folder: their bytes, and how many files and folders. Links are counted, and not followed. */
function weigh(folder) {
  const sum = { bytes: 0, inodes: 0 };
  if (!existsSync(folder)) return sum;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    sum.inodes += 1;
    if (entry.isFile()) sum.bytes += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return sum;
}
