// F8: what the preview gateway adds over a trivial upstream: latency at a fixed rate, and a WebSocket echo.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { zip } from '../e2e/lib/zip.mjs';
import { load as generate } from './lib/load.mjs';
import { end, freePort } from './lib/plain.mjs';
import { untilAnswers } from './lib/page.mjs';
import { summary } from './lib/stats.mjs';
import { opened, startServer, toolchainNode } from './lib/vitrine.mjs';

/** Answers 1 KiB, and echoes WebSocket frames without looking into them (RFC 6455, unmasked back to the client). */
const UPSTREAM = `
import { createHash } from 'node:crypto';
import http from 'node:http';
const body = Buffer.alloc(1024, 'x');
const server = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html', 'content-length': body.length });
  response.end(body);
});
server.keepAliveTimeout = 60_000;
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.setNoDelay(true);
  socket.on('data', (frame) => {
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const payload = Buffer.from(frame.subarray(6, 6 + length)).map((byte, index) => byte ^ mask[index % 4]);
    socket.write(Buffer.concat([Buffer.from([frame[0], length]), payload]));
  });
  socket.on('error', () => socket.destroy());
});
server.listen(Number(process.env.PORT), process.env.HOST);
`;

export async function f8({ quick, root }) {
  const layersDir = join(root, 'bench/.layers');
  const server = await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir } });
  const dir = mkdtempSync(join(tmpdir(), 'vitrine-bench-upstream-'));
  let plain;
  try {
    const files = { 'package.json': JSON.stringify({ scripts: { dev: 'node server.mjs' } }), 'server.mjs': UPSTREAM };
    const app = (await server.importZip('Upstream', zip(files))).id;
    await server.must('PATCH', `/v1/apps/${app}`, { json: { profile: { kind: 'custom', dev: ['node', 'server.mjs'] } } });
    const { origin, headers } = await opened(await server.session(app));
    await untilAnswers(origin, headers);

    const port = await freePort();
    writeFileSync(join(dir, 'server.mjs'), UPSTREAM);
    const env = { ...process.env, PORT: String(port), HOST: '127.0.0.1' };
    plain = spawn(toolchainNode(layersDir), ['server.mjs'], { cwd: dir, env, stdio: 'ignore' });
    const direct = `http://127.0.0.1:${port}`;
    await untilAnswers(direct);

    const seconds = quick ? 3 : 10;
    const rates = [1_000, 5_000];
    const rows = [];
    let failures = 0;
    for (const rate of rates) {
      const peer = await load(direct, {}, rate, seconds);
      const ours = await load(origin, headers, rate, seconds);
      failures += ours.failures;
      rows.push({ name: `1 KiB at ${rate} requests/s, latency`, ours: ours.latency, peer: peer.latency });
      rows.push({ name: `1 KiB, requests/s reached of ${rate}`, ours: ours.rate, peer: peer.rate });
    }
    const peerMost = await load(direct, {}, undefined, seconds);
    const oursMost = await load(origin, headers, undefined, seconds);
    rows.push({ name: '1 KiB, most requests/s with 16 connections', ours: oursMost.rate, peer: peerMost.rate });
    rows.push({ name: '1 KiB, one request at a time', ours: await single(origin, headers), peer: await single(direct) });
    const echoes = quick ? 500 : 5_000;
    rows.push({ name: 'WebSocket echo, 64 bytes', ours: await echo(origin, headers, echoes), peer: await echo(direct, {}, echoes) });
    return {
      id: 'F8',
      what: 'preview proxy over a trivial upstream',
      goal: 'adds ≤ 0.2 ms p50, ≤ 1 ms p99 at 5,000 requests/s',
      rows,
      failures,
      note: 'Peer: the same Node.js server on a port of the host, asked directly. Client, gateway and upstream share the cores.',
    };
  } finally {
    if (plain) await end(plain);
    rmSync(dir, { recursive: true, force: true });
    await server.remove();
  }
}

async function load(origin, headers, rate, seconds) {
  const { samples, failures, reached } = await generate(origin, headers, rate, seconds);
  return { failures, latency: summary(samples), rate: { runs: 1, p50: reached, p95: reached, p99: reached, unit: '/s' } };
}

/** One request after the other over one connection: the latency alone, without load. */
async function single(origin, headers = {}, requests = 2_000) {
  const http = await import('node:http');
  const { get } = await import('../e2e/lib/http.mjs');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const samples = [];
  for (let request = 0; request < requests; request++) {
    const begun = performance.now();
    await get(`${origin}/`, { headers, agent });
    samples.push(performance.now() - begun);
  }
  agent.destroy();
  return summary(samples);
}

async function echo(origin, headers, times) {
  const { hostname, port, host } = new URL(origin);
  const address = hostname.endsWith('localhost') ? '127.0.0.1' : hostname;
  const socket = new WebSocket(`ws://${address}:${port}/`, { headers: { host, origin, ...headers }, perMessageDeflate: false });
  await once(socket, 'open');
  const payload = Buffer.alloc(64, 'e');
  const samples = [];
  for (let time = 0; time < times; time++) {
    const begun = performance.now();
    socket.send(payload);
    await once(socket, 'message');
    samples.push(performance.now() - begun);
  }
  socket.terminate();
  return summary(samples);
}
