// F7: static hosting of a published app beside nginx (and static-web-server where it is installed): the same files, the same
// client, rounds in turns.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../e2e/lib/server.mjs';
import { zip } from '../e2e/lib/zip.mjs';
import { percentile } from './lib/stats.mjs';
import { startServer } from './lib/vitrine.mjs';
import { load, requireTools, startNginx, startStaticWebServer } from './lib/web-servers.mjs';

const SIZES = { '1 KiB': 1024, '16 KiB': 16 * 1024, '1 MiB': 1024 * 1024 };
const GOALS = { '1 KiB': 1.4, '16 KiB': 1.15, '1 MiB': 1, brotli: 1.4, 304: 1.4 };

/** What is asked for: the same path everywhere, with headers of its own for each server where tags differ. */
function cases(tagOf) {
  const plain = Object.keys(SIZES).map((name) => ({ name, path: `/${fileOf(name)}`, headers: () => ({}) }));
  return [
    ...plain,
    { name: 'brotli', path: '/text.js', headers: () => ({ 'accept-encoding': 'br' }) },
    { name: '304', path: `/${fileOf('16 KiB')}`, headers: (origin) => ({ 'if-none-match': tagOf(origin) }) },
  ];
}

const PAGE = '<!doctype html><title>F7</title><p>F7';

const fileOf = (name) => `${name.replace(' ', '').toLowerCase()}.bin`;

export async function f7({ quick, root }) {
  requireTools();
  const layersDir = join(root, 'bench/.layers');
  const environment = { VITRINE_INSTALL_LAYERS_DIR: layersDir, VITRINE_INSTALL_WARM_TEMPLATES: 'false' };
  const server = await startServer({ environment });
  const dir = mkdtempSync(join(tmpdir(), 'vitrine-bench-hosting-'));
  const peers = [];
  try {
    const files = Object.fromEntries(Object.entries(SIZES).map(([name, size]) => [fileOf(name), randomBytes(size)]));
    files['text.js'] = Array.from({ length: 2_000 }, (_, line) => `export const value${line} = ${line * 7};\n`).join('');
    const ours = await publish(server, { ...files, 'index.html': PAGE });
    const packed = await fetchBytes(ours.origin, '/text.js', { 'accept-encoding': 'br' });
    if (packed.headers['content-encoding'] !== 'br') throw new Error('the published script has no brotli form');
    // nginx's workers are somebody else when this is run as root.
    chmodSync(dir, 0o755);
    mkdirSync(join(dir, 'root'));
    // The peers send the very bytes that we send.
    const copies = { ...files, 'index.html': PAGE, 'text.js.br': packed.body };
    for (const [name, content] of Object.entries(copies)) writeFileSync(join(dir, 'root', name), content);
    peers.push(await startNginx(dir));
    const other = await startStaticWebServer(dir);
    if (other) peers.push(other);
    return await measure(ours, peers, { rounds: quick ? 2 : 4, seconds: quick ? 3 : 5 });
  } finally {
    for (const peer of peers) await peer.stop();
    rmSync(dir, { recursive: true, force: true });
    await server.remove();
  }
}

async function publish(server, files) {
  const app = (await server.importZip('Static hosting', zip(files))).id;
  await server.must('PATCH', `/v1/apps/${app}`, { json: { profile: { kind: 'static' } } });
  const { id } = await server.must('POST', `/v1/apps/${app}/publishes`, { json: {} });
  await until('the publish', 120_000, async () => {
    const now = await server.must('GET', `/v1/apps/${app}/publishes/${id}`);
    if (['failed', 'cancelled', 'superseded'].includes(now.status)) throw new Error(`${now.status}: ${JSON.stringify(now.error)}`);
    return now.status === 'succeeded';
  });
  const { published_url: url } = await server.must('GET', `/v1/apps/${app}`);
  const { origin } = new URL(url);
  return { name: 'Vitrine', origin, pids: () => [server.pid] };
}

async function measure(ours, peers, { rounds, seconds }) {
  const servers = [ours, ...peers];
  const tags = new Map();
  for (const { origin } of servers) tags.set(origin, (await fetchBytes(origin, `/${fileOf('16 KiB')}`)).headers.etag);
  const rows = [];
  let failures = 0;
  for (const { name, path, headers } of cases((origin) => tags.get(origin))) {
    // A server that makes no tags cannot answer 304.
    const able = servers.filter(({ origin }) => name !== '304' || tags.get(origin));
    const seen = new Map(able.map((server) => [server, []]));
    for (let round = 0; round < rounds; round++) {
      for (const server of able) {
        const sample = await load(server, path, headers(server.origin), seconds);
        failures += sample.failures;
        seen.get(server).push(sample);
      }
    }
    for (const peer of able.slice(1)) {
      const goal = peer === peers[0] ? `, goal ${GOALS[name]} ×` : '';
      const row = (what, field, unit) =>
        ({ name: `${name} beside ${peer.name}: ${what}`, ours: figure(seen.get(ours), field, unit), peer: figure(seen.get(peer), field, unit) });
      rows.push(row(`requests/s${goal}`, 'rate', '/s'), row('p99 in ms', 'p99Ms', ' ms'), row('processor time per request', 'cpuMicros', ' µs'));
    }
  }
  return {
    id: 'F7',
    what: 'static hosting of a published app',
    goal: '1 KiB ≥ 1.4 × nginx, 16 KiB ≥ 1.15 ×, 1 MiB ≥ 1.0 ×, brotli and 304 ≥ 1.4 ×; p99 no worse',
    rows,
    failures,
    note:
      'wrk with 32 connections on the same cores, rounds in turns. nginx: 2 workers, sendfile, tcp_nopush, open file cache, no log; Debian has no ' +
      'brotli_static for it, so it serves our brotli bytes under their own name with the header set. On a machine with other work, read the ' +
      'processor time: it is what a request costs, whoever else waits for the cores.',
  };
}

function figure(samples, field, unit) {
  const values = samples.map((sample) => sample[field]);
  const at = (p) => Math.round(percentile(values, p) * 100) / 100;
  return { runs: values.length, p50: at(50), p95: at(95), p99: at(99), unit };
}

async function fetchBytes(origin, path, headers = {}) {
  const { default: http } = await import('node:http');
  const { port, host } = new URL(origin);
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, headers: { host, ...headers } }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${origin}${path}: ${response.statusCode}`));
        else resolve({ headers: response.headers, body: Buffer.concat(chunks) });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
