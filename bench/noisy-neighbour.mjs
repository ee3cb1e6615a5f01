// Noisy neighbours: what a session's page and the API take while five other sessions do their worst, beside what they take
// on the same server when nobody does.
import http from 'node:http';
import { join } from 'node:path';
import { get } from '../e2e/lib/http.mjs';
import { ADMIN_KEY } from '../e2e/lib/server.mjs';
import { zip } from '../e2e/lib/zip.mjs';
import { loadPage, untilAnswers } from './lib/page.mjs';
import { summary, timed } from './lib/stats.mjs';
import { TEMPLATE, opened, startServer } from './lib/vitrine.mjs';

/** Each is a dev server like any other, and something else as well. */
const NEIGHBOURS = {
  'a fork bomb': `
    const bomb = () => { const child = spawn('sh', ['-c', 'b() { b | b & }; b; b; wait'], { stdio: 'ignore' }); child.on('error', () => {}); };
    setInterval(bomb, 200);`,
  'a memory hog': `
    const hog = () => {
      const source = 'const held = []; for (;;) held.push(Buffer.alloc(1 << 24, 1));';
      const child = spawn(process.execPath, ['-e', source], { stdio: 'ignore' });
      child.on('exit', () => setTimeout(hog, 50));
      child.on('error', () => setTimeout(hog, 50));
    };
    hog();`,
  'a disk filler': `
    const block = Buffer.alloc(1 << 20, 1);
    const fill = () => {
      const file = openSync('/tmp/fill', 'w');
      try { for (let written = 0; written < 256; written++) writeSync(file, block); } catch { /* full */ }
      closeSync(file);
      setImmediate(fill);
    };
    fill();`,
  'a log flood': `
    const child = spawn('sh', ['-c', 'while :; do echo flood flood flood flood flood flood; done'], { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => {});`,
  'a CPU spinner': `
    for (let thread = 0; thread < 8; thread++) new Worker('for (;;);', { eval: true });`,
};

const DEV_SERVER = `
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import http from 'node:http';
import { Worker } from 'node:worker_threads';
http.createServer((request, response) => response.end('<!doctype html>')).listen(Number(process.env.PORT), process.env.HOST, begin);
`;

/** How long the beginning is, which is shown by itself as well: the neighbours use what they may use in a row, see docs/isolation.md. */
const BEGINNING_MS = 20_000;

export async function noisyNeighbour({ quick, root }) {
  const server = await startServer({
    environment: {
      VITRINE_INSTALL_LAYERS_DIR: join(root, 'bench/.layers'),
      // Nobody opens the neighbours: frozen, they would be quiet before they have been measured.
      VITRINE_SESSIONS_FREEZE_AFTER_SECS: '0',
    },
  });
  try {
    const app = (await server.createFromTemplate(TEMPLATE)).id;
    const session = await opened(await server.session(app));
    await untilAnswers(session.origin, session.headers);
    await loadPage(session.origin, session.headers);
    const seconds = quick ? 20 : 120;
    const idle = await measured(server, app, session, seconds);
    const neighbours = [];
    for (const [name, harm] of Object.entries(NEIGHBOURS)) neighbours.push(await started(server, name, harm));
    const noisy = await measured(server, app, session, seconds);
    const beginning = part(noisy, (at) => at < BEGINNING_MS);
    const settled = part(noisy, (at) => at >= BEGINNING_MS);
    const [quiet, all] = [part(idle, () => true), part(noisy, () => true)];
    const rows = [
      { name: 'page with all modules, from the first second on', ours: all.page, peer: quiet.page },
      { name: 'API, from the first second on', ours: all.api, peer: quiet.api },
      { name: 'page, the first 20 s of it', ours: beginning.page, peer: quiet.page },
      { name: 'API, the first 20 s of it', ours: beginning.api, peer: quiet.api },
      { name: 'page, the rest', ours: settled.page, peer: quiet.page },
      { name: 'API, the rest', ours: settled.api, peer: quiet.api },
    ];
    const ratio = (one, other) => (one.p99 / other.p99).toFixed(2);
    return {
      id: 'N',
      what: `a session beside ${Object.keys(NEIGHBOURS).join(', ')}, each in a session of its own`,
      goal: "p99 of page and API within twice their idle values",
      rows,
      failures: idle.failures + noisy.failures,
      note:
        `Peer: the same session of the same server before the neighbours came. p99 against idle: page ${ratio(all.page, quiet.page)}, `
        + `API ${ratio(all.api, quiet.api)}; of the first 20 s alone ${ratio(beginning.page, quiet.page)} and ${ratio(beginning.api, quiet.api)}, `
        + `of the rest ${ratio(settled.page, quiet.page)} and ${ratio(settled.api, quiet.api)}. `
        + `States of the neighbours at the end: ${(await states(server, neighbours)).join(', ')}.`,
    };
  } finally {
    await server.remove();
  }
}

async function started(server, name, harm) {
  const files = {
    'package.json': JSON.stringify({ scripts: { dev: 'node server.mjs' } }),
    'server.mjs': `${DEV_SERVER}function begin() { setTimeout(() => {${harm}}, 1_000); }\n`,
  };
  const { id } = await server.importZip(name, zip(files));
  await server.must('PATCH', `/v1/apps/${id}`, { json: { profile: { kind: 'custom', dev: ['node', 'server.mjs'] } } });
  await server.session(id);
  return id;
}

/** Somebody who works: reloads now and then. Who reloads without a pause is a heavy user, and gives way like one. */
const BETWEEN_PAGES_MS = 1_000;

/** For so long: the page with all it imports, again and again, and beside it a call of the API every 20 ms; each with when it began. */
async function measured(server, app, { origin, headers }, seconds) {
  const begun = performance.now();
  const until = begun + seconds * 1_000;
  const agent = new http.Agent({ keepAlive: true });
  const result = { page: [], api: [], failures: 0 };
  const pages = async () => {
    while (performance.now() < until) {
      await timed(() => loadPage(origin, headers)).then(({ ms }) => result.page.push({ at: performance.now() - begun - ms, ms }), () => { result.failures += 1; });
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_PAGES_MS));
    }
  };
  const calls = async () => {
    const call = () => get(`http://127.0.0.1:${server.port}/v1/apps/${app}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` }, agent });
    while (performance.now() < until) {
      const { ms, result: answer } = await timed(() => call().catch(() => undefined));
      if (answer?.status === 200) result.api.push({ at: performance.now() - begun - ms, ms });
      else result.failures += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await Promise.all([pages(), calls()]);
  agent.destroy();
  return result;
}

/** What began within a part of the time. */
function part({ page, api }, isWithin) {
  const times = (samples) => summary(samples.filter(({ at }) => isWithin(at)).map(({ ms }) => ms));
  return { page: times(page), api: times(api) };
}

/** A neighbour may have been given up by now; what counts is that it is known. */
function states(server, apps) {
  return Promise.all(apps.map(async (app) => (await server.must('GET', `/v1/apps/${app}/session`)).status));
}
