// F9: many sessions on one machine: opened one after another while some are worked in, and asked again one after another.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { get, previewCookie } from '../e2e/lib/http.mjs';
import { lines } from './lib/plot.mjs';
import { PlainProject } from './lib/plain.mjs';
import { loadPage, untilAnswers } from './lib/page.mjs';
import { summary, timed } from './lib/stats.mjs';
import { startServer, toolchainNode } from './lib/vitrine.mjs';

const TEMPLATE = 'foundation';
const MIB = 2 ** 20;

/** Somebody who is at work loads the page or changes a file this often. */
const WORK_EVERY_MS = 10_000;

const SAMPLE_EVERY_MS = 10_000;

/** What F4 promises for the first byte. */
const GOALS_MS = { frozen: 20, hibernated: 200 };

export async function f9({ quick, root }) {
  const [sessions, active] = quick ? [60, 4] : [2_000, 40];
  const layersDir = join(root, 'bench/.layers');
  const environment = {
    VITRINE_INSTALL_LAYERS_DIR: layersDir,
    VITRINE_SESSIONS_FREEZE_AFTER_SECS: '20',
    VITRINE_SESSIONS_IDLE_TIMEOUT_SECS: quick ? '60' : '540',
  };
  const server = await startServer({ environment });
  const watch = new Watch(server);
  try {
    const plainBytes = await plainResident(root, layersDir);
    const opened = [];
    const opening = { times: [], failures: 0 };
    const work = new Work(server);
    const starts = [];
    const serverBefore = ownProcessorMs(server.pid);
    for (let number = 0; number < sessions; number++) {
      const { ms, result } = await timed(() => open(server, number).catch(said('opening')));
      if (result) {
        opened.push(result);
        opening.times.push(ms);
        if (work.size < active) work.begin(result);
      } else {
        opening.failures += 1;
      }
      if (result && number % 20 === 19) starts.push(await processorOf(server, [result.app]));
      if ((number + 1) % 100 === 0) console.log(`   ${number + 1} opened, ${watch.now()}`);
    }
    const serverPerOpening = (ownProcessorMs(server.pid) - serverBefore) / opened.length;
    const memory = await memoryByState(server);
    const again = await askedAgain(server, opened.filter((session) => !work.has(session)), watch);
    await work.end();
    // For the model in docs/scale.md.
    const constants = {
      running_mib: summary(memory.running.map((bytes) => bytes / MIB)).p50,
      frozen_mib: memory.frozen.length > 0 ? summary(memory.frozen.map((bytes) => bytes / MIB)).p50 : undefined,
      start_cpu_ms: summary(starts).p50,
      turn_cpu_ms: (await processorOf(server, work.apps()) - work.apps().length * summary(starts).p50) / (work.pages.length + work.changes.length),
      server_cpu_ms_per_opening: serverPerOpening,
    };
    const rows = [
      { name: 'opening one: created, edited, every module loaded', ours: summary(opening.times) },
      { name: `one of the ${active} at work: page with every module`, ours: summary(work.pages) },
      { name: `one of the ${active} at work: a change is acknowledged`, ours: summary(work.changes) },
      ...Object.entries(again.first).filter(([, times]) => times.length > 0)
        .map(([state, times]) => ({ name: `asked again, ${state}: first byte of \`/\``, ours: summary(times) })),
      { name: 'memory of one that runs', ours: mib(memory.running), peer: { ...mib([plainBytes]), runs: 1 } },
      ...(memory.frozen.length > 0 ? [{ name: 'memory of one that is frozen, compressed swap counted', ours: mib(memory.frozen) }] : []),
    ];
    const most = watch.most();
    writeFileSync(join(root, 'bench/results/f9-density.svg'), watch.plot(`${sessions} sessions, ${active} at work`));
    return {
      id: 'F9',
      what: `${sessions} sessions opened one after another, ${active} of them at work, then each asked again`,
      goal: 'no failure; frozen ≤ 20 % of running; asked again within the goals of F4 (frozen 20 ms, hibernated 200 ms, medians)',
      rows,
      constants,
      failures: opening.failures + again.failures + work.failures,
      note:
        `At most ${most.running} ran, ${most.frozen} stood still; memory in use at most ${(most.used / 2 ** 30).toFixed(1)} GiB, `
        + `${swapKind()}. Within the goal when asked again: ${withinGoals(again.first)}. `
        + `Peer of memory: the process tree of a plain \`vite\` after the same page (proportional set size). Over time: [f9-density.svg](f9-density.svg).`,
    };
  } finally {
    watch.end();
    await server.remove();
  }
}

const said = (what) => (error) => { console.error(`${what}: ${String(error).slice(0, 400)}`); };

const mib = (bytes) => ({ ...summary(bytes.map((each) => each / MIB)), unit: ' MiB' });

async function open(server, number) {
  const app = (await server.must('POST', '/v1/apps', { json: { name: `Session ${number}`, template: TEMPLATE, session: true } }));
  await server.write(app.id, { 'public/who.txt': `session ${number}` });
  const { origin } = new URL(app.session.preview_url);
  const session = { app: app.id, number, origin, headers: { cookie: await previewCookie(app.session.preview_url) } };
  await untilAnswers(session.origin, session.headers, 60_000);
  await loadPage(session.origin, session.headers);
  return session;
}

/** Asks every session once more, and whether it is the same that it was. */
async function askedAgain(server, sessions, watch) {
  const first = { running: [], frozen: [], hibernated: [] };
  let failures = 0;
  for (const [index, session] of sessions.entries()) {
    const { status } = await server.must('GET', `/v1/apps/${session.app}/session`);
    try {
      const { ms, result } = await timed(() => get(`${session.origin}/`, { headers: { accept: 'text/html', 'sec-fetch-mode': 'cors', ...session.headers } }));
      if (result.status !== 200) throw new Error(`${status}: ${result.status} ${result.body.slice(0, 200)}`);
      (first[status] ??= []).push(ms);
      const { body } = await get(`${session.origin}/who.txt`, { headers: session.headers });
      if (body !== `session ${session.number}`) throw new Error(`it is ${body.slice(0, 100)}`);
    } catch (error) {
      failures += 1;
      said(`session ${session.number}, ${status}`)(error);
    }
    if ((index + 1) % 100 === 0) console.log(`   ${index + 1} asked again, ${watch.now()}`);
  }
  return { first, failures };
}

function withinGoals(first) {
  const parts = Object.entries(GOALS_MS).filter(([state]) => first[state].length > 0).map(([state, goal]) => {
    const within = first[state].filter((ms) => ms <= goal).length;
    return `${state} ${((100 * within) / first[state].length).toFixed(1)} % of ${first[state].length} within ${goal} ms`;
  });
  return parts.join(', ');
}

/** Those who are at work. */
class Work {
  pages = [];
  changes = [];
  failures = 0;
  #people = new Map();
  #over = false;

  constructor(server) {
    this.server = server;
  }

  get size() {
    return this.#people.size;
  }

  apps() {
    return [...this.#people.keys()].map(({ app }) => app);
  }

  has(session) {
    return this.#people.has(session);
  }

  begin(session) {
    this.#people.set(session, this.#works(session));
  }

  async end() {
    this.#over = true;
    await Promise.all(this.#people.values());
  }

  async #works(session) {
    for (let turn = 0; !this.#over; turn++) {
      const pause = WORK_EVERY_MS * (0.75 + ((session.number * 37 + turn * 17) % 50) / 100);
      await new Promise((resolve) => setTimeout(resolve, pause));
      try {
        if (turn % 2 === 0) this.pages.push((await timed(() => loadPage(session.origin, session.headers))).ms);
        else this.changes.push((await timed(() => this.server.write(session.app, { 'src/note.ts': `export const turn = ${turn};\n` }))).ms);
      } catch (error) {
        this.failures += 1;
        said(`at work in session ${session.number}`)(error);
      }
    }
  }
}

/** Looks at the machine now and then. */
class Watch {
  #samples = [];
  #begun = performance.now();
  #processor = processorTimes();

  constructor(server) {
    this.server = server;
    this.timer = setInterval(() => void this.#look().catch(() => undefined), SAMPLE_EVERY_MS);
  }

  end() {
    clearInterval(this.timer);
  }

  async #look() {
    const { sandboxes, pool } = await this.server.must('GET', '/v1/machine?limit=1');
    const processor = processorTimes();
    const passed = processor.all - this.#processor.all;
    const busy = passed > 0 ? 1 - (processor.idle - this.#processor.idle) / passed : 0;
    this.#processor = processor;
    this.#samples.push({
      minutes: (performance.now() - this.#begun) / 60_000,
      running: sandboxes.running + sandboxes.starting,
      frozen: sandboxes.frozen,
      warm: pool.warm,
      used: meminfo('MemTotal') - meminfo('MemAvailable'),
      swapped: meminfo('SwapTotal') - meminfo('SwapFree'),
      busy,
    });
  }

  now() {
    const last = this.#samples.at(-1);
    if (!last) return '';
    return `${last.running} run, ${last.frozen} stand still, ${(last.used / 2 ** 30).toFixed(1)} GiB in use, processor ${(100 * last.busy).toFixed(0)} %`;
  }

  most() {
    const most = (name) => Math.max(0, ...this.#samples.map((sample) => sample[name]));
    return { running: most('running'), frozen: most('frozen'), used: most('used') };
  }

  plot(title) {
    const over = (name, scale = 1) => this.#samples.map((sample) => [sample.minutes, sample[name] * scale]);
    return lines(title, 'minutes', [
      { title: 'sandboxes', series: { running: over('running'), frozen: over('frozen') } },
      { title: 'GiB', series: { 'memory in use': over('used', 2 ** -30), 'swapped, before compression': over('swapped', 2 ** -30) } },
      { title: 'processor, %', series: { 'both cores': over('busy', 100) } },
    ]);
  }
}

async function memoryByState(server) {
  const { items } = await server.must('GET', '/v1/machine?limit=1000');
  const perByte = compressedTo();
  const of = (state) => items.filter((item) => item.status === state).map((item) => item.memory_bytes + item.swap_bytes * perByte);
  return { running: of('running'), frozen: of('frozen') };
}

/** Processor time that the sandboxes of these apps have used so far, in milliseconds. */
async function processorOf(server, apps) {
  const { items } = await server.must('GET', '/v1/machine?limit=1000');
  const theirs = items.filter((item) => apps.includes(item.app_id));
  return theirs.reduce((sum, item) => sum + item.cpu_micros, 0) / 1_000;
}

/** The same of the server itself. */
function ownProcessorMs(pid) {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ').slice(11, 13).map(Number);
  return (user + system) * 10;
}

/** What a byte in swap takes in memory: something with zram, nothing on a disk. */
function compressedTo() {
  const stat = '/sys/block/zram0/mm_stat';
  if (!readFileSync('/proc/swaps', 'utf8').includes('zram') || !existsSync(stat)) return 0;
  const [original, , used] = readFileSync(stat, 'utf8').trim().split(/\s+/).map(Number);
  return original > 0 ? used / original : 0;
}

function swapKind() {
  const swaps = readFileSync('/proc/swaps', 'utf8').trim().split('\n').slice(1);
  if (swaps.length === 0) return 'no swap';
  return swaps.some((line) => line.includes('zram')) ? `swap in compressed memory (to ${(100 * compressedTo()).toFixed(0)} %)` : 'swap on a disk';
}

/** The proportional set size of a plain Vite and what it started, after it has served the page. */
async function plainResident(root, layersDir) {
  const plain = new PlainProject(join(root, 'templates', TEMPLATE, 'project'), toolchainNode(layersDir));
  await plain.install();
  const dev = await plain.start();
  try {
    await untilAnswers(dev.origin);
    await loadPage(dev.origin);
    return treeOf(dev.pid).reduce((sum, pid) => sum + Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1_024, 0);
  } finally {
    await dev.stop();
    plain.remove();
  }
}

function treeOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean);
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
}

function meminfo(name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))[1]) * 1_024;
}

function processorTimes() {
  const [, ...times] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/);
  const numbers = times.map(Number);
  return { idle: numbers[3] + numbers[4], all: numbers.slice(0, 8).reduce((sum, each) => sum + each, 0) };
}
