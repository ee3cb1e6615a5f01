// Where the time of a cold start goes, and what each thing that shortens it brings: a plain project with the toolchain's
// Node.js, one thing changed at a time. `bench/run.mjs coldstart`; for F2, which has the whole of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlainProject, end, freePort } from './lib/plain.mjs';
import { loadPage, untilAnswers } from './lib/page.mjs';
import { summary, timed } from './lib/stats.mjs';
import { TEMPLATE, startServer, toolchainNode } from './lib/vitrine.mjs';

const VARIANTS = {
  'everything there: pre-bundle and compile cache': {},
  'without the compile cache': { compileCache: false },
  'without the pre-bundle': { prebundle: false },
  'without either': { compileCache: false, prebundle: false },
};

export async function coldStart({ quick, root }) {
  const layersDir = join(root, 'bench/.layers');
  // Makes the toolchain, where there is none yet.
  await (await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir } })).remove();
  const node = toolchainNode(layersDir);
  const plain = new PlainProject(join(root, 'templates', TEMPLATE, 'project'), node);
  const cache = mkdtempSync(join(tmpdir(), 'vitrine-bench-compile-cache-'));
  try {
    await plain.install();
    const runs = quick ? 3 : 15;
    const parts = await partsOf(plain, node, cache, runs);
    const rows = parts.map(([name, samples]) => ({ name, ours: summary(samples) }));
    const samples = Object.fromEntries(Object.keys(VARIANTS).map((name) => [name, { first: [], all: [] }]));
    // The caches fill up outside of what is measured, and the kinds take turns.
    await start(plain, cache, {}, { first: [], all: [] });
    for (let run = 0; run < runs; run++) {
      for (const [name, variant] of Object.entries(VARIANTS)) await start(plain, cache, variant, samples[name]);
    }
    for (const [name, { first, all }] of Object.entries(samples)) {
      rows.push({ name: `${name}: first 200 of \`/\``, ours: summary(first) });
      rows.push({ name: `${name}: every module`, ours: summary(all) });
    }
    return {
      id: 'F2 parts',
      what: 'where the time of a cold start goes, and what shortens it',
      goal: 'none of its own; for F2',
      rows,
      failures: 0,
      note: 'A plain directory, no sandbox. From the start of the process. What a sandbox adds is in docs/isolation.md.',
    };
  } finally {
    plain.remove();
    rmSync(cache, { recursive: true, force: true });
  }
}

/** How far Node.js alone gets. */
async function partsOf(plain, node, cache, runs) {
  const load = ['--input-type=module', '-e', "await import('vite'); process.exit(0)"];
  const parts = [
    ['Node.js that does nothing', ['-e', '0'], undefined],
    ['Node.js that loads Vite', load, undefined],
    ['Node.js that loads Vite, with the compile cache', load, cache],
  ];
  const samples = parts.map(([name]) => [name, []]);
  for (let run = -1; run < runs; run++) {
    for (const [index, [, args, compileCache]] of parts.entries()) {
      const { ms } = await timed(() => ends(node, args, plain.dir, compileCache));
      if (run >= 0) samples[index][1].push(ms);
    }
  }
  return samples;
}

async function ends(node, args, cwd, compileCache) {
  const child = spawn(node, args, { cwd, stdio: 'ignore', env: environment(compileCache) });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
}

const environment = (compileCache) => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  NODE_ENV: 'development',
  ...(compileCache ? { NODE_COMPILE_CACHE: compileCache } : {}),
});

async function start(plain, cache, { compileCache = true, prebundle = true }, samples) {
  const bundle = join(plain.dir, 'node_modules/.vite');
  if (!prebundle && existsSync(bundle)) rmSync(bundle, { recursive: true });
  const port = await freePort();
  const args = ['node_modules/vite/bin/vite.js', '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
  const begun = performance.now();
  const server = spawn(plain.node, args, { cwd: plain.dir, stdio: 'ignore', env: environment(compileCache ? cache : undefined) });
  try {
    const origin = `http://127.0.0.1:${port}`;
    await untilAnswers(origin);
    samples.first.push(performance.now() - begun);
    await loadPage(origin);
    samples.all.push(performance.now() - begun);
    // Optimised while the page was loading: there for the next one that may have it.
    if (!prebundle) await untilBundled(bundle);
  } finally {
    // Gently: the compile cache is written at the end.
    server.kill('SIGTERM');
    const gone = once(server, 'exit');
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 2_000))]);
    await end(server);
  }
}

async function untilBundled(bundle) {
  const deadline = performance.now() + 10_000;
  while (!existsSync(join(bundle, 'deps/_metadata.json'))) {
    if (performance.now() > deadline) throw new Error('nothing was pre-bundled');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
