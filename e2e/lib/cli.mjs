// Runs the real command line against a test server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ADMIN_KEY, binary, until } from './server.mjs';

function environmentOf(server, extra = {}) {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, VITRINE_URL: `http://127.0.0.1:${server.port}`, VITRINE_API_KEY: ADMIN_KEY, ...extra };
}

/** Runs one command to its end; answers `{ code, stdout, stderr }`. */
export async function vitrine(server, args, { cwd = tmpdir(), input, env } = {}) {
  const child = spawn(binary, args, { cwd, env: environmentOf(server, env), stdio: ['pipe', 'pipe', 'pipe'] });
  const answer = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => { answer.stdout += chunk; });
  child.stderr.on('data', (chunk) => { answer.stderr += chunk; });
  child.stdin.end(input ?? '');
  const [code] = await once(child, 'close');
  return { code, ...answer };
}

/** A command that must succeed and print one JSON document. */
export async function json(server, args, options) {
  const { code, stdout, stderr } = await vitrine(server, [...args, '--json'], options);
  if (code !== 0) throw new Error(`vitrine ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** The JSON documents of lines. */
export const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** A folder to work in, as a person has one. */
export class Folder {
  static async with(files) {
    const folder = new Folder();
    folder.path = await mkdtemp(join(tmpdir(), 'vitrine-cli-'));
    for (const [path, text] of Object.entries(files)) await folder.write(path, text);
    return folder;
  }

  async write(path, text) {
    const at = join(this.path, path);
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, text);
  }

  /** The content, or `undefined` without the file. */
  async read(path) {
    return readFile(join(this.path, path), 'utf8').catch(() => undefined);
  }

  at(path) {
    return join(this.path, path);
  }

  async remove() {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** `vitrine dev` at work on a folder. */
export class Dev {
  events = [];
  #stderr = '';

  static start(server, folder, args = ['--no-preview']) {
    const dev = new Dev();
    const options = { env: environmentOf(server), stdio: ['ignore', 'pipe', 'pipe'] };
    dev.process = spawn(binary, ['dev', folder.path, '--json', ...args], options);
    let rest = '';
    dev.process.stdout.on('data', (chunk) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop();
      dev.events.push(...parts.map((line) => JSON.parse(line)));
    });
    dev.process.stderr.on('data', (chunk) => { dev.#stderr += chunk; });
    return dev;
  }

  /** The first event of this kind that fits, from the beginning; waits for it. */
  async says(name, fits = () => true, timeoutMs = 30_000) {
    return until(`${name} of vitrine dev`, timeoutMs, async () => {
      if (this.process.exitCode !== null) throw new Error(`vitrine dev ended with ${this.process.exitCode}: ${this.#stderr}`);
      return this.events.find((event) => event.event === name && fits(event));
    }).catch((error) => {
      throw new Error(`${error.message}\n${JSON.stringify(this.events.slice(-12))}\n${this.#stderr}`);
    });
  }

  /** The app it works on. */
  async app() {
    return (await this.says('app')).app.id;
  }

  /** Ends it as Ctrl-C does; answers its exit code and last event. */
  async interrupt() {
    const gone = once(this.process, 'close');
    this.process.kill('SIGINT');
    const [code] = await gone;
    return { code, last: this.events.at(-1) };
  }

  /** Ends it as a power cut does. */
  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'close');
    this.process.kill('SIGKILL');
    await gone;
  }
}
