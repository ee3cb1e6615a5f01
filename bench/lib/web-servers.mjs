// Web servers over one directory, and the load that is put on them.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAnswers } from './page.mjs';
import { end, freePort } from './plain.mjs';

/** Debian keeps servers where only root's PATH looks. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

const has = (program) => spawnSync(program, ['--version'], { env, stdio: 'ignore' }).error === undefined;

export function requireTools() {
  const missing = ['wrk', 'nginx'].filter((program) => !has(program));
  if (missing.length > 0) throw new Error(`F7 needs ${missing.join(' and ')}: apt-get install wrk nginx-light`);
}

/** nginx as tuned as Debian's can be; `text.js` is sent as the brotli bytes beside it. */
export async function startNginx(dir) {
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ');
  writeFileSync(join(dir, 'nginx.conf'), `
worker_processes 2; daemon off; pid ${dir}/pid; error_log stderr crit;
events { worker_connections 4096; multi_accept on; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; etag on; server_tokens off; ${temporary}
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s; open_file_cache_min_uses 1;
  keepalive_requests 1000000000; keepalive_timeout 75;
  types { text/html html; text/javascript js; application/octet-stream bin; }
  server {
    listen 127.0.0.1:${port} reuseport; root ${dir}/root;
    location = /text.js { alias ${dir}/root/text.js.br; types {} default_type text/javascript; add_header Content-Encoding br; add_header Vary Accept-Encoding; }
  }
}
`);
  const process = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return peer('nginx', process, port);
}

/** static-web-server, where somebody has installed it (`cargo install --locked static-web-server`). */
export async function startStaticWebServer(dir) {
  if (!has('static-web-server')) return undefined;
  const port = await freePort();
  const words = ['--host', '127.0.0.1', '--port', String(port), '--root', join(dir, 'root'), '--compression-static', 'true', '--compression', 'false'];
  const process = spawn('static-web-server', [...words, '--log-level', 'error', '--threads-multiplier', '1'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return peer('static-web-server', process, port);
}

async function peer(name, process, port) {
  const origin = `http://127.0.0.1:${port}`;
  await untilAnswers(origin);
  const stop = async () => {
    // nginx's workers end with their master, if it is asked and not killed.
    process.kill('SIGTERM');
    await new Promise((resolve) => (process.exitCode === null ? process.once('exit', resolve) : resolve()));
    await end(process);
  };
  return { name, origin, pids: () => processTree(process.pid), stop };
}

function processTree(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children ? children.split(' ').flatMap((child) => processTree(Number(child))) : [])];
}

/** Seconds of processor time that processes have used. */
function processorSeconds(pids) {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, used) => sum + used, 0) / 100;
}

/** As many requests as 32 connections get through; rate, slowest hundredth and processor time per request. */
export async function load(server, path, headers, seconds) {
  const { port, host } = new URL(server.origin);
  // In this spelling: of any other, wrk sends a second one of its own.
  const fields = Object.entries({ Host: host, ...headers }).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const words = ['-t2', '-c32', `-d${seconds}s`, '--latency', ...fields, `http://127.0.0.1:${port}${path}`];
  const before = processorSeconds(server.pids());
  const output = execFileSync('wrk', words, { encoding: 'utf8', env });
  const used = processorSeconds(server.pids()) - before;
  const number = (pattern) => Number(pattern.exec(output)?.[1] ?? 0);
  const [, slow, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(output);
  const requests = number(/(\d+) requests in/);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  return {
    rate: number(/Requests\/sec:\s+([\d.]+)/),
    p99Ms: Number(slow) * { us: 0.001, ms: 1, s: 1000 }[unit],
    cpuMicros: (used / requests) * 1e6,
    failures: number(/Non-2xx or 3xx responses: (\d+)/) + socketErrors.reduce((sum, errors) => sum + Number(errors), 0),
  };
}
