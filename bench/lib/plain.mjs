// The peer: a plain project in a plain directory with a plain Vite.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A copy of a template's project with a Node.js of the same version as the sandbox's, so that only Vitrine differs. */
export class PlainProject {
  constructor(source, node) {
    this.dir = mkdtempSync(join(tmpdir(), 'vitrine-bench-plain-'));
    this.node = node;
    cpSync(source, this.dir, { recursive: true });
  }

  async install() {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], this.dir);
  }

  /** `vite build`, as a person would run it. */
  async build() {
    await run(this.node, ['node_modules/vite/bin/vite.js', 'build', '--base', './'], this.dir);
  }

  removePackages() {
    rmSync(join(this.dir, 'node_modules'), { recursive: true, force: true });
  }

  /** Starts the dev server; the port is free when asked for, as a person would have it. */
  async start() {
    const port = await freePort();
    const server = spawn(this.node, ['node_modules/vite/bin/vite.js', '--host', '127.0.0.1', '--port', String(port), '--strictPort'], {
      cwd: this.dir,
      stdio: 'ignore',
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'development' },
    });
    return { origin: `http://127.0.0.1:${port}`, pid: server.pid, stop: () => end(server) };
  }

  remove() {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => { errors += chunk; });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${errors.slice(-2000)}`);
}
