// G: the collector beside 8 writers, with a grace of a second and no rest, and a server that is killed now and then. What is named
// is read back all the time and, from a server that knows nothing by heart, at the end.
//
//   VITRINE_COLLECT_SECS=600 VITRINE_COLLECT_SEED=7 node bench/run.mjs g
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { zip } from '../e2e/lib/zip.mjs';
import { summary, timed } from './lib/stats.mjs';
import { startServer } from './lib/vitrine.mjs';

const WRITERS = 8;
const MOST_APPS = 8;
/** So few that what one drops another brings again, and the same writer within seconds. */
const CONTENTS = 2_000;
const GRACE_SECS = 1;
/** Of the time, what passes before the collector begins: the peer of what writers wait beside it. */
const ALONE = 0.15;
const KILL_EVERY_MS = 45_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Every fifth is above what the database takes: an object. */
function contentOf(number) {
  const line = `content ${number}\n`;
  return number % 5 === 0 ? line.repeat(Math.ceil(80_000 / line.length)) : line.repeat(3);
}
const hashOf = (text) => createHash('sha256').update(text).digest('hex');
const numbers = new Map(Array.from({ length: CONTENTS }, (_, number) => [hashOf(contentOf(number)), number]));

/** Mulberry32: the same numbers for the same seed. */
function diceOf(seed) {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

class Writer {
  apps = new Map();
  recent = [];
  samples = { alone: [], beside: [] };
  writes = 0;
  told = 0;

  constructor(run, number) {
    this.run = run;
    this.name = `writer ${number}`;
    this.roll = diceOf(run.seed * 1_000 + number);
  }

  get server() {
    return this.run.server;
  }

  any() {
    const again = this.roll(12);
    if (again < this.recent.length) return this.recent[again];
    const number = this.roll(CONTENTS);
    this.recent = [number, ...this.recent].slice(0, 6);
    return number;
  }

  anyApp() {
    return [...this.apps.keys()][this.roll(this.apps.size)];
  }

  async write() {
    this.writes += 1;
    const choice = this.apps.size === 0 ? 0 : this.roll(100);
    if (choice < 8) return this.import(this.anyFiles());
    if (choice < 16) return this.deleteAndImportAgain();
    if (choice < 24) return this.snapshot(this.anyApp());
    if (choice < 32) return this.removeFile(this.anyApp());
    if (choice < 40) return this.upload(this.anyApp(), this.any());
    if (choice < 42) return this.publish(this.anyApp());
    if (choice < 60) return this.writeByHash(this.anyApp());
    await this.writeText(this.anyApp());
    if (this.apps.size > MOST_APPS) await this.delete([...this.apps.keys()][0]);
  }

  anyFiles() {
    return new Map(Array.from({ length: 1 + this.roll(8) }, (_, at) => [`f${at}.txt`, this.any()]));
  }

  async import(files) {
    const contents = Object.fromEntries([...files].map(([path, number]) => [path, contentOf(number)]));
    const archive = zip({ 'index.html': '<!doctype html><title>Site</title>', ...contents });
    const { id } = await this.server.importZip(this.name, archive);
    this.apps.set(id, new Map(files));
  }

  async delete(app) {
    await this.server.must('DELETE', `/v1/apps/${app}`);
    this.apps.delete(app);
  }

  async deleteAndImportAgain() {
    const app = this.anyApp();
    const files = this.apps.get(app);
    await this.delete(app);
    await this.import(files);
  }

  async snapshot(app) {
    await this.server.must('POST', `/v1/apps/${app}/revisions`, { json: {} });
  }

  async removeFile(app) {
    const path = [...this.apps.get(app).keys()][0];
    if (path === undefined) return;
    await this.server.must('POST', `/v1/apps/${app}/changes`, { json: { ops: [{ op: 'delete', path }] } });
    this.apps.get(app).delete(path);
  }

  async upload(app, number) {
    const text = contentOf(number);
    await this.server.must('PUT', `/v1/apps/${app}/blobs/${hashOf(text)}`, { body: text });
  }

  async publish(app) {
    const { status, body } = await this.server.call('POST', `/v1/apps/${app}/publishes`, { json: {} });
    if (status >= 500) throw new Error(`publish: ${status} ${JSON.stringify(body)}`);
  }

  async writeText(app) {
    const [path, number] = [`f${this.roll(12)}.txt`, this.any()];
    const { ms } = await timed(() => this.server.write(app, { [path]: contentOf(number) }));
    this.samples[this.run.isCollecting ? 'beside' : 'alone'].push(ms);
    this.apps.get(app).set(path, number);
  }

  /** Names what it may or may not have brought before; told that it is missing, it brings it. */
  async writeByHash(app) {
    const [path, number] = [`f${this.roll(12)}.txt`, this.any()];
    const ops = [{ op: 'write', path, sha256: hashOf(contentOf(number)) }];
    for (let attempt = 0; attempt < 20; attempt++) {
      const { status, body } = await this.server.call('POST', `/v1/apps/${app}/changes`, { json: { ops } });
      if (status < 300) {
        this.apps.get(app).set(path, number);
        return;
      }
      if (status >= 500) throw new Error(`${status} ${JSON.stringify(body)}`);
      this.told += 1;
      await this.upload(app, number);
    }
    throw new Error('what was brought twenty times is still missing');
  }

  /** After a crash: what was on its way has happened or not. */
  async resume() {
    for (const app of this.apps.keys()) {
      const { status, body } = await this.server.call('GET', `/v1/apps/${app}/files`);
      if (status === 404) this.apps.delete(app);
      else this.apps.set(app, filesOf(body));
    }
  }

  async check(app, path) {
    const number = this.apps.get(app)?.get(path);
    if (number === undefined) return;
    const { status, body } = await this.server.call('GET', `/v1/apps/${app}/files/${path}`);
    if (status !== 200 || String(body) !== contentOf(number)) {
      this.run.lost.push(`${path} of ${app}: ${status} ${String(body).slice(0, 200)}`);
    }
  }

  async checkSome() {
    if (this.apps.size === 0) return;
    const app = this.anyApp();
    const paths = [...this.apps.get(app).keys()];
    if (paths.length > 0) await this.check(app, paths[this.roll(paths.length)]);
  }

  /** Every file of every app and of every revision. */
  async checkAll() {
    let read = 0;
    for (const [app, files] of this.apps) {
      for (const path of files.keys()) await this.check(app, path);
      read += files.size;
      const { items } = await this.server.must('GET', `/v1/apps/${app}/revisions?limit=100`);
      for (const { id } of items) {
        await this.server.must('POST', `/v1/apps/${app}/revisions/${id}/restore`, { json: {} });
        this.apps.set(app, filesOf(await this.server.must('GET', `/v1/apps/${app}/files`)));
        for (const path of this.apps.get(app).keys()) await this.check(app, path);
        read += this.apps.get(app).size;
      }
    }
    return read;
  }
}

function filesOf({ files }) {
  const known = Object.entries(files).map(([path, { sha256 }]) => [path, numbers.get(sha256)]);
  return new Map(known.filter(([, number]) => number !== undefined));
}

class Run {
  lost = [];
  failures = [];
  kills = 0;
  isCollecting = false;
  collected = { calls: 0, blobs: 0, bytes: 0, trees: 0 };
  #restarting = undefined;

  constructor(server, seed, until) {
    Object.assign(this, { server, seed, until });
  }

  get isOver() {
    return Date.now() >= this.until;
  }

  /** Does it; when the server was killed meanwhile, waits until it is there again. True when it was. */
  async #surviving(work) {
    const kills = this.kills;
    try {
      await this.#restarting;
      await work();
    } catch (error) {
      if (this.kills === kills && this.#restarting === undefined) {
        this.failures.push(String(error.message ?? error).slice(0, 300));
        return false;
      }
      await this.#restarting;
      return true;
    }
    return false;
  }

  async write(writer) {
    while (!this.isOver) {
      const wasKilled = await this.#surviving(async () => {
        await writer.write();
        await writer.checkSome();
      });
      if (wasKilled) await this.#surviving(() => writer.resume());
      if (this.failures.length > 20) return;
    }
  }

  async collect() {
    while (!this.isOver) {
      await this.#surviving(async () => {
        const dry_run = this.collected.calls % 10 === 9;
        const report = await this.server.must('POST', '/v1/collection', { json: { dry_run } });
        this.collected.calls += 1;
        if (dry_run) return;
        this.collected.blobs += report.blobs.count;
        this.collected.bytes += report.blobs.bytes;
        this.collected.trees += report.trees.count;
      });
    }
  }

  async kill() {
    for (;;) {
      const next = Date.now() + KILL_EVERY_MS;
      while (Date.now() < next && !this.isOver) await pause(100);
      if (this.isOver) return;
      this.#restarting = (async () => {
        this.kills += 1;
        await this.server.killHard();
        await this.server.restart();
      })();
      await this.#restarting;
      this.#restarting = undefined;
    }
  }
}

export async function collectBesideWriters({ quick }) {
  const secs = Number(process.env.VITRINE_COLLECT_SECS ?? (quick ? 60 : 600));
  const seed = Number(process.env.VITRINE_COLLECT_SEED ?? 7);
  const environment = {
    VITRINE_INSTALL_WARM_TEMPLATES: 'false',
    VITRINE_OBJECTS_KEEP_UNNEEDED_SECS: String(GRACE_SECS),
    ...Object.fromEntries(['READ', 'WRITE', 'EXPENSIVE', 'ADDRESS'].map((kind) => [`VITRINE_LIMITS_${kind}_PER_MIN`, '10000000'])),
  };
  const server = await startServer({ environment });
  try {
    const run = new Run(server, seed, Date.now() + secs * 1_000);
    const writers = Array.from({ length: WRITERS }, (_, number) => new Writer(run, number));
    const writing = writers.map((writer) => run.write(writer));
    await pause(secs * 1_000 * ALONE);
    run.isCollecting = true;
    await Promise.all([...writing, run.collect(), run.kill()]);

    await server.stop();
    await server.restart();
    let read = 0;
    for (const writer of writers) {
      await writer.resume();
      read += await writer.checkAll();
    }
    const left = await leftovers(server, writers);
    const sum = (of) => writers.reduce((total, writer) => total + of(writer), 0);
    const { blobs, bytes, trees, calls } = run.collected;
    for (const line of [...run.lost, ...run.failures, ...left].slice(0, 20)) console.log(line);
    return {
      id: 'G',
      what: `the collector beside ${WRITERS} writers for ${secs} s, grace ${GRACE_SECS} s, ${run.kills} kills, seed ${seed}`,
      goal: 'nothing that is named is removed; what is not, is',
      rows: [{
        name: 'a change set',
        ours: summary(writers.flatMap(({ samples }) => samples.beside)),
        peer: summary(writers.flatMap(({ samples }) => samples.alone)),
      }],
      failures: run.lost.length + run.failures.length + left.length,
      note: `Peer: the same writers without the collector. ${sum(({ writes }) => writes)} writes, ${sum(({ told }) => told)} of them told to `
        + `bring content again; ${blobs} pieces of content (${(bytes / 2 ** 20).toFixed(1)} MiB) and ${trees} trees removed in ${calls} calls. Read back at `
        + `the end, after a restart: ${read} files of drafts and revisions, ${run.lost.length} lost. Without apps, ${left.length} things were left.`,
    };
  } finally {
    await server.remove();
  }
}

/** Without apps nothing may be left, neither in the database nor in the object store. */
async function leftovers(server, writers) {
  for (const writer of writers) for (const app of [...writer.apps.keys()]) await writer.delete(app);
  const { items } = await server.must('GET', '/v1/apps?limit=200');
  for (const { id } of items) await server.must('DELETE', `/v1/apps/${id}`);
  for (let round = 0; round < 4; round++) {
    await pause(GRACE_SECS * 1_000 + 500);
    let report;
    do report = await server.must('POST', '/v1/collection', { json: { dry_run: false } }); while (!report.is_done);
  }
  const { blobs } = await server.must('POST', '/v1/collection', { json: { dry_run: true } });
  const folder = join(server.dataDir, 'objects/blobs');
  const objects = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()) : [];
  const used = (await server.must('GET', '/v1/me/usage')).items.find(({ quota }) => quota === 'storage_bytes')?.used ?? 0;
  return [
    ...(blobs.count + blobs.later_count > 0 ? [`unneeded content: ${JSON.stringify(blobs)}`] : []),
    ...objects.map(({ name }) => `an object is left: ${name}`),
    ...(used > 0 ? [`${used} bytes are charged for nothing`] : []),
  ];
}
