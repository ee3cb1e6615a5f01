// `make bench`: every benchmark beside its peer in one run; JSON and a Markdown table in bench/results/.
//
//   VITRINE_BINARY=target/release/vitrine node bench/run.mjs [--quick] [f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f13 coldstart g noisy]
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { coldStart } from './cold-start.mjs';
import { collectBesideWriters } from './collect-beside-writers.mjs';
import { f1 } from './f1-create-app.mjs';
import { f2 } from './f2-ensure-session.mjs';
import { f3 } from './f3-edit-to-browser.mjs';
import { f4 } from './f4-wake.mjs';
import { f5 } from './f5-publish.mjs';
import { f6 } from './f6-rollback.mjs';
import { f7 } from './f7-static-hosting.mjs';
import { f8 } from './f8-preview-proxy.mjs';
import { f9 } from './f9-density.mjs';
import { f10 } from './f10-storage.mjs';
import { f11 } from './f11-scale.mjs';
import { f13 } from './f13-footprint.mjs';
import { noisyNeighbour } from './noisy-neighbour.mjs';
import { report } from './lib/report.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const all = { f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f13, coldstart: coldStart, g: collectBesideWriters, noisy: noisyNeighbour };
const words = process.argv.slice(2);
const quick = words.includes('--quick');
const chosen = words.filter((word) => word in all);


const machine = {
  cores: cpus().length,
  cpu: cpus()[0].model,
  memory_gib: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
};
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();

// What is not measured now keeps its last figures, with the time and commit they are of.
const results = `${root}/bench/results/latest.json`;
const figures = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')).figures : [];
for (const name of chosen.length > 0 ? chosen : Object.keys(all)) {
  console.log(`── ${name}`);
  const figure = { ...(await all[name]({ quick, root })), at: new Date().toISOString(), commit };
  const place = figures.findIndex(({ id }) => id === figure.id);
  figures.splice(place < 0 ? figures.length : place, place < 0 ? 0 : 1, figure);
  figures.sort((one, other) => one.id.localeCompare(other.id, 'en', { numeric: true }));
  console.log(report([figure]));
  // After each figure: one that fails takes none of the others with it.
  mkdirSync(`${root}/bench/results`, { recursive: true });
  writeFileSync(results, `${JSON.stringify({ machine, figures }, null, 2)}\n`);
  writeFileSync(`${root}/bench/results/latest.md`, `${report(figures, machine)}\n`);
}
console.log('written to bench/results/latest.json and latest.md');
