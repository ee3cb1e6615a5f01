// Starts the real binary with a data directory of its own, and speaks to its API.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const binary = process.env.VITRINE_BINARY ?? join(root, 'target/debug/vitrine');

/** The key every test server is told to accept. */
export const ADMIN_KEY = 'vt_end-to-end-tests';

/** Layers are the same for every server: shared by all tests of a run, so that packages are installed once. */
export const sharedLayers = join(tmpdir(), 'vitrine-e2e-layers');

export class Server {
  #process;
  #output = '';

  constructor(dataDir, environment, launch) {
    this.dataDir = dataDir;
    this.environment = environment;
    this.launch = launch;
  }

  /** `uid` and `gid` run it as somebody else; `program` is another copy of the binary. */
  static async start({ dataDir, environment = {}, uid, gid, program = binary } = {}) {
    const launch = { uid, gid, program };
    const server = new Server(dataDir ?? (await mkdtemp(join(tmpdir(), 'vitrine-e2e-'))), environment, launch);
    await server.#launch();
    return server;
  }

  /** As `start`, with the packages of `template` there already: an installation may take longer than sessions may be idle. */
  static async startInstalled(template, options) {
    const preparing = await Server.start();
    await preparing.session((await preparing.createFromTemplate(template)).id);
    await preparing.remove();
    return Server.start(options);
  }

  async #launch() {
    const { PATH, HOME, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, VITRINE_EGRESS_ALLOW_CIDRS } = process.env;
    const inherited = { PATH, HOME, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, VITRINE_EGRESS_ALLOW_CIDRS };
    const env = {
      ...Object.fromEntries(Object.entries(inherited).filter(([, value]) => value !== undefined)),
      VITRINE_DATA_DIR: this.dataDir,
      VITRINE_LISTEN: `127.0.0.1:${this.port ?? 0}`,
      VITRINE_ADMIN_KEY: ADMIN_KEY,
      VITRINE_INSTALL_LAYERS_DIR: sharedLayers,
      // Building the templates ahead would run beside everything that is tested; one test asks for it.
      VITRINE_PUBLISH_PREBUILD_TEMPLATES: 'false',
      VITRINE_LOG_FILTER: 'info',
      ...this.environment,
    };
    this.#output = '';
    const { uid, gid, program } = this.launch;
    this.#process = spawn(program, ['serve'], { env, uid, gid, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stderr.on('data', (chunk) => {
      this.#output += chunk;
      if (process.env.E2E_VERBOSE) process.stderr.write(chunk);
    });
    const url = await new Promise((resolve, reject) => {
      let seen = '';
      this.#process.stdout.on('data', (chunk) => {
        seen += chunk;
        const ready = /ready: (\S+)\n/.exec(seen);
        if (ready) resolve(ready[1]);
      });
      this.#process.once('exit', (code) => reject(new Error(`vitrine ended with ${code}\n${this.#output}`)));
    });
    this.signInUrl = url;
    this.origin = new URL(url).origin;
    this.port = Number(new URL(url).port);
    this.pid = this.#process.pid;
  }

  /** Waits until the server writes this to its log; what it has written before does not count. */
  async says(text, timeoutMs = 60_000) {
    const begin = this.#output.length;
    const stderr = this.#process.stderr;
    let look;
    let timer;
    try {
      await new Promise((resolve, reject) => {
        look = () => this.#output.includes(text, begin) && resolve();
        timer = setTimeout(() => reject(new Error(`the server did not say “${text}” within ${timeoutMs} ms`)), timeoutMs);
        stderr.on('data', look);
      });
    } finally {
      clearTimeout(timer);
      stderr.off('data', look);
    }
  }

  get log() {
    return this.#output;
  }

  /** One call of the API; answers `{ status, headers, body }` with JSON decoded. */
  async call(method, path, { json, body, headers = {}, key = ADMIN_KEY } = {}) {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: json === undefined ? body : JSON.stringify(json),
      redirect: 'manual',
    });
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    const answer = isJson ? await response.json() : Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, body: answer };
  }

  /** A call that must succeed. */
  async must(method, path, options) {
    const answer = await this.call(method, path, options);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}\n${this.#output.slice(-4000)}`);
    }
    return answer.body;
  }

  async createFromTemplate(template) {
    return this.must('POST', '/v1/apps', { json: { name: `Test of ${template}`, template } });
  }

  async importZip(name, zip) {
    const form = new FormData();
    form.set('name', name);
    form.set('archive', new Blob([zip]), 'project.zip');
    return this.must('POST', '/v1/apps', { body: form });
  }

  async read(app, path) {
    return String(await this.must('GET', `/v1/apps/${app}/files/${path}`));
  }

  async write(app, files, extra = []) {
    const ops = Object.entries(files).map(([path, text]) => ({ op: 'write', path, text }));
    return this.must('POST', `/v1/apps/${app}/changes`, { json: { ops: [...ops, ...extra] } });
  }

  /** Ensures a session and waits until it runs. */
  async session(app, { timeoutMs = 240_000 } = {}) {
    await this.must('PUT', `/v1/apps/${app}/session`);
    return this.sessionIs(app, 'running', timeoutMs);
  }

  async sessionIs(app, status, timeoutMs = 60_000) {
    return until(`session ${status}`, timeoutMs, async () => {
      const session = await this.must('GET', `/v1/apps/${app}/session`);
      if (session.status === status) return session;
      if (session.status === 'error' && status !== 'error') {
        throw new Error(`the session failed: ${JSON.stringify(session.error)}\n${this.#output.slice(-4000)}`);
      }
      return undefined;
    });
  }

  /** Publishes and waits for the end; answers the publish, whatever its end. */
  async publish(app, wish = {}, timeoutMs = 240_000) {
    const { id } = await this.must('POST', `/v1/apps/${app}/publishes`, { json: wish });
    return this.publishEnds(app, id, timeoutMs);
  }

  async publishEnds(app, id, timeoutMs = 240_000) {
    return until(`the end of ${id}`, timeoutMs, async () => {
      const publish = await this.must('GET', `/v1/apps/${app}/publishes/${id}`);
      return ['queued', 'running'].includes(publish.status) ? undefined : publish;
    });
  }

  /** Publishes, which must succeed; answers the publish. */
  async mustPublish(app, wish) {
    const publish = await this.publish(app, wish);
    if (publish.status !== 'succeeded') {
      throw new Error(`the publish is ${publish.status}: ${JSON.stringify(publish.error)}\n${this.#output.slice(-4000)}`);
    }
    return publish;
  }

  /** Ends the process as the kernel would: at once. */
  async killHard() {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }

  async restart() {
    await this.#launch();
  }

  /** Ends the process as an operator would; answers its exit code. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return this.#process.exitCode;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const [code] = await gone;
    return code;
  }

  async remove() {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Asks until there is an answer; fails after the deadline, saying what for. */
export async function until(what, timeoutMs, ask) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false && answer !== null) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
