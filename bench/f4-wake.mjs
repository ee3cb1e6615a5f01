// F4: somebody comes to a preview that is frozen, or was taken down → first byte of `/`, every module, an open socket.
import { join } from 'node:path';
import WebSocket from 'ws';
import { get } from '../e2e/lib/http.mjs';
import { once as prepared } from './f1-create-app.mjs';
import { loadPage, untilAnswers } from './lib/page.mjs';
import { summary } from './lib/stats.mjs';
import { TEMPLATE, opened, startServer } from './lib/vitrine.mjs';

/** An edit that makes the app differ from its template: it is there after every wake. */
const EDIT = { 'src/bench.ts': 'export const edited = true;\n' };

/** What makes a sandbox frozen or hibernated within seconds, and a pause in which the pool fills up again. */
const KINDS = {
  frozen: { VITRINE_SESSIONS_FREEZE_AFTER_SECS: '1', VITRINE_SESSIONS_IDLE_TIMEOUT_SECS: '1800' },
  hibernated: { VITRINE_SESSIONS_FREEZE_AFTER_SECS: '0', VITRINE_SESSIONS_IDLE_TIMEOUT_SECS: '4' },
};

export async function f4({ quick, root }) {
  const runs = quick ? 3 : 12;
  const rows = [];
  let failures = 0;
  for (const [kind, settings] of Object.entries(KINDS)) {
    const environment = {
      VITRINE_INSTALL_LAYERS_DIR: join(root, 'bench/.layers'),
      VITRINE_SESSIONS_SWEEP_SECS: '1',
      ...settings,
    };
    const server = await startServer({ environment });
    try {
      await prepared(server);
      const samples = await measured(server, kind, runs);
      failures += samples.failures;
      rows.push({ name: `${kind}: first byte of \`/\``, ours: summary(samples.first) });
      rows.push({ name: `${kind}: \`/\` and every module`, ours: summary(samples.all) });
      rows.push({ name: `${kind}: a WebSocket is answered`, ours: summary(samples.socket) });
    } finally {
      await server.remove();
    }
  }
  return {
    id: 'F4',
    what: 'somebody comes to a preview that sleeps',
    goal: 'frozen: first byte p50 ≤ 20 ms, every module ≤ 120 ms; hibernated: first byte p50 ≤ 200 ms',
    rows,
    failures,
    note: 'An app of a template with a file changed. Published figures of others: E2B about 1 s, Sprites 1 to 2 s cold, Fly 2 s and more.',
  };
}

async function measured(server, kind, runs) {
  const app = (await server.createFromTemplate(TEMPLATE)).id;
  await server.write(app, EDIT);
  const { origin, headers } = await opened(await server.session(app));
  await untilAnswers(origin, headers);
  await loadPage(origin, headers);
  const client = await get(`${origin}/@vite/client`, { headers });
  const token = /wsToken = "([^"]+)"/.exec(client.body)?.[1] ?? '';
  const samples = { first: [], all: [], socket: [], failures: 0 };
  for (let run = 0; run < runs; run++) {
    await server.sessionIs(app, kind, 60_000);
    const begun = performance.now();
    const page = await get(`${origin}/`, { headers: { accept: 'text/html', 'sec-fetch-mode': 'cors', ...headers } });
    if (page.status === 200) samples.first.push(performance.now() - begun);
    else samples.failures += 1;
    await loadPage(origin, headers);
    samples.all.push(performance.now() - begun);
  }
  for (let run = 0; run < Math.ceil(runs / 2); run++) {
    await server.sessionIs(app, kind, 60_000);
    samples.socket.push(await untilOpen(origin, headers, token));
  }
  return samples;
}

async function untilOpen(origin, headers, token) {
  const { port, host } = new URL(origin);
  const begun = performance.now();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?token=${token}`, 'vite-hmr', { headers: { host, origin, ...headers } });
  // Another dev server has another token, and says so: the page's client loads anew then.
  const answered = new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (request, response) => (response.statusCode === 400 ? resolve() : reject(new Error(`${response.statusCode}`))));
    socket.once('error', reject);
  });
  await answered;
  const took = performance.now() - begun;
  socket.terminate();
  return took;
}
