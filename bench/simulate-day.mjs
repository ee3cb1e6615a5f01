// A day of one machine, by the constants that F1, F4 and F9 measured: `node bench/simulate-day.mjs [--sessions 2000]
// [--cores 2] [--memory 24] [--json]`. The model is in docs/scale.md; this plays it with people who come and go.
import { readFileSync } from 'node:fs';
import { percentile } from './lib/stats.mjs';

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** When people open projects: a share of the day's visits for each hour, as offices and evenings have it. */
const ARRIVALS = [2, 1, 1, 1, 1, 2, 3, 5, 8, 11, 12, 11, 9, 11, 12, 11, 10, 8, 7, 8, 9, 8, 6, 4];

/** How people work; times in seconds, drawn from exponential distributions of these means. */
const PEOPLE = {
  /** At work in one go, then away from the tab, so often until it is closed: 2 % of those who have one open. */
  spell: 2.5 * MINUTE,
  away: 180 * MINUTE,
  spells: 3,
  /** Between two things that somebody at work does: a page, a change. */
  turn: 10,
};

/** Settings of the server; see docs/configuration.md. */
const SETTINGS = { freezeAfter: 120, hibernateAfter: 1_800, quiet: 60, reserve: 0.1, poolMiB: 1_024 };

/** What the machine can do. */
function measured(figures) {
  const figure = (id) => figures.find((each) => each.id === id);
  const row = (id, name) => figure(id)?.rows.find((each) => each.name.startsWith(name))?.ours;
  const constants = figure('F9')?.constants;
  if (!constants) throw new Error('bench/results/latest.json has no F9: run `node bench/run.mjs f9` first');
  return {
    ...constants,
    thawMs: row('F4', 'frozen: first byte')?.p50 ?? 20,
    wakeMs: row('F4', 'hibernated: first byte')?.p50 ?? 200,
  };
}

/** The same numbers every time. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One day; `open` tabs at the busiest hour. Answers what the day was like. */
export function simulate({ figures, open = 2_000, cores = 2, memoryGiB = 24, seed = 1 }) {
  const known = measured(figures);
  const chance = random(seed);
  const drawn = (mean) => -mean * Math.log(1 - chance());
  const visits = visitsFor(open);
  const machine = new Machine(known, cores, memoryGiB);
  const begins = Array.from({ length: visits }, () => whenOpened(chance)).sort((one, other) => one - other);
  const events = new Queue();
  for (const at of begins) events.push(at, { kind: 'open' });
  let tabs = 0;
  const hours = [];
  for (let next = events.pop(); next && next.at < DAY; next = events.pop()) {
    const { at, event } = next;
    while (hours.length <= Math.floor(at / 3_600)) hours.push({ hour: hours.length, tabs: 0, running: 0, frozen: 0, usedGiB: 0, busy: 0 });
    machine.until(at);
    if (event.kind === 'open') {
      tabs += 1;
      event.session = machine.newSession();
      event.spellsLeft = Math.max(1, Math.round(drawn(PEOPLE.spells)));
      event.kind = 'turn';
      event.spellEnds = at + drawn(PEOPLE.spell);
    }
    machine.use(event.session, at);
    const hour = hours.at(-1);
    hour.tabs = Math.max(hour.tabs, tabs);
    hour.running = Math.max(hour.running, machine.running);
    hour.frozen = Math.max(hour.frozen, machine.frozen);
    hour.usedGiB = Math.max(hour.usedGiB, machine.usedMiB / 1_024);
    hour.busy = Math.max(hour.busy, machine.busy);
    const following = at + drawn(PEOPLE.turn);
    if (following < event.spellEnds) {
      events.push(following, event);
    } else if (event.spellsLeft > 1) {
      event.spellsLeft -= 1;
      const back = at + drawn(PEOPLE.away);
      event.spellEnds = back + drawn(PEOPLE.spell);
      events.push(back, event);
    } else {
      // Nobody says that they have closed a tab: its sandbox goes by the timer.
      tabs -= 1;
    }
  }
  return { visits, hours, ...machine.summary() };
}

/** So many visits a day have about `open` tabs open at the busiest hour, were every day like this one. */
function visitsFor(open) {
  const stayHours = (PEOPLE.spells * PEOPLE.spell + (PEOPLE.spells - 1) * PEOPLE.away) / 3_600;
  const all = ARRIVALS.reduce((sum, each) => sum + each);
  // Of those who came so many hours ago, this part is still there.
  const there = ARRIVALS.map((_, hour) => {
    const parts = Array.from({ length: hour + 1 }, (_, ago) => (ARRIVALS[hour - ago] / all) * Math.exp(-ago / stayHours));
    return parts.reduce((sum, part) => sum + part);
  });
  return Math.round(open / Math.max(...there));
}

function whenOpened(chance) {
  let left = chance() * ARRIVALS.reduce((sum, each) => sum + each);
  const hour = ARRIVALS.findIndex((each) => (left -= each) < 0);
  return (hour + chance()) * 3_600;
}

/** Memory as sandboxes take it, and processor time as it is asked for. */
class Machine {
  running = 0;
  frozen = 0;
  busy = 0;
  #clock = 0;
  #lru = new Map();
  #minute = 0;
  #askedMs = 0;
  #waits = { running: [], frozen: [], hibernated: [] };
  #counts = { thaws: 0, wakes: 0, evicted: 0, refused: 0 };
  #mostMiB = 0;
  #busiest = 0;

  constructor(known, cores, memoryGiB) {
    this.known = known;
    this.cores = cores;
    this.roomMiB = memoryGiB * 1_024 * (1 - SETTINGS.reserve) - SETTINGS.poolMiB;
  }

  get usedMiB() {
    return this.running * this.known.running_mib + this.frozen * (this.known.frozen_mib ?? this.known.running_mib);
  }

  newSession() {
    return { state: 'hibernated', used: 0 };
  }

  /** What the timer does: whoever was used longest ago is first in the list. */
  until(at) {
    this.#clock = at;
    const minute = Math.floor(at / MINUTE);
    if (minute !== this.#minute) {
      this.busy = this.#askedMs / ((minute - this.#minute) * MINUTE * 1_000 * this.cores);
      this.#busiest = Math.max(this.#busiest, this.busy);
      [this.#minute, this.#askedMs] = [minute, 0];
    }
    for (const session of this.#lru.keys()) {
      const unused = at - session.used;
      if (unused < SETTINGS.freezeAfter) break;
      if (unused >= SETTINGS.hibernateAfter) this.#down(session);
      else if (session.state === 'running') this.#become(session, 'frozen');
    }
  }

  use(session, at) {
    const before = session.state;
    const load = 1 / Math.max(0.05, 1 - Math.min(0.95, this.busy));
    if (before === 'hibernated' && !this.#makesRoom()) {
      this.#counts.refused += 1;
      return;
    }
    const { known } = this;
    if (before === 'hibernated') {
      this.#askedMs += known.start_cpu_ms + known.server_cpu_ms_per_opening;
      this.#counts.wakes += 1;
      this.#waits.hibernated.push(known.wakeMs * load);
    } else if (before === 'frozen') {
      this.#counts.thaws += 1;
      this.#waits.frozen.push(known.thawMs * load);
    }
    this.#askedMs += known.turn_cpu_ms;
    this.#become(session, 'running');
    session.used = at;
    this.#lru.delete(session);
    this.#lru.set(session, true);
    this.#mostMiB = Math.max(this.#mostMiB, this.usedMiB);
  }

  #makesRoom() {
    const needed = this.known.running_mib;
    for (const session of this.#lru.keys()) {
      if (this.usedMiB + needed <= this.roomMiB) return true;
      if (session.state === 'frozen' || this.#clock - session.used >= SETTINGS.quiet) {
        this.#down(session);
        this.#counts.evicted += 1;
      }
    }
    return this.usedMiB + needed <= this.roomMiB;
  }

  #become(session, state) {
    if (session.state === 'running') this.running -= 1;
    if (session.state === 'frozen') this.frozen -= 1;
    session.state = state;
    if (state === 'running') this.running += 1;
    if (state === 'frozen') this.frozen += 1;
  }

  #down(session) {
    this.#become(session, 'hibernated');
    this.#lru.delete(session);
  }

  summary() {
    const wait = (state) => this.#waits[state].length && {
      p50: Math.round(percentile(this.#waits[state], 50)),
      p99: Math.round(percentile(this.#waits[state], 99)),
    };
    return {
      ...this.#counts,
      mostGiB: this.#mostMiB / 1_024,
      busiestMinute: this.#busiest,
      thawMs: wait('frozen'),
      wakeMs: wait('hibernated'),
    };
  }
}

/** A binary heap by time. */
class Queue {
  #heap = [];

  push(at, event) {
    const heap = this.#heap;
    heap.push({ at, event });
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (heap[parent].at <= heap[child].at) break;
      [heap[parent], heap[child]] = [heap[child], heap[parent]];
      child = parent;
    }
  }

  pop() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0) {
      heap[0] = last;
      for (let parent = 0; ;) {
        const children = [2 * parent + 1, 2 * parent + 2].filter((child) => child < heap.length);
        const least = children.sort((one, other) => heap[one].at - heap[other].at)[0];
        if (least === undefined || heap[parent].at <= heap[least].at) break;
        [heap[parent], heap[least]] = [heap[least], heap[parent]];
        parent = least;
      }
    }
    return first;
  }
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
  };
  const { figures } = JSON.parse(readFileSync(new URL('results/latest.json', import.meta.url), 'utf8'));
  const day = simulate({ figures, open: option('sessions', 2_000), cores: option('cores', 2), memoryGiB: option('memory', 24) });
  if (process.argv.includes('--json')) console.log(JSON.stringify(day, null, 2));
  else print(day);
}

function print(day) {
  console.log(`${day.visits} visits in the day; ${day.wakes} starts, ${day.thaws} thaws, ${day.evicted} taken down for room, ${day.refused} refused`);
  console.log(`at most ${day.mostGiB.toFixed(1)} GiB for sandboxes; busiest minute ${(100 * day.busiestMinute).toFixed(0)} % of the processor`);
  console.log(`thaw p50 ${day.thawMs.p50} p99 ${day.thawMs.p99} ms; wake p50 ${day.wakeMs.p50} p99 ${day.wakeMs.p99} ms`);
  console.log('hour  tabs  running  frozen   GiB  busiest minute');
  for (const { hour, tabs, running, frozen, usedGiB, busy } of day.hours) {
    const cells = [String(hour).padStart(4), String(tabs).padStart(5), String(running).padStart(8), String(frozen).padStart(7)];
    console.log(`${cells.join(' ')} ${usedGiB.toFixed(1).padStart(5)} ${`${(100 * busy).toFixed(0)} %`.padStart(10)}`);
  }
}
