// What a browser has to load before the page can be used, as the page is built now. The editor comes later, and is not counted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

/** On a phone with a poor connection (1.6 Mbit/s) this takes a second. */
const BUDGET_BYTES = 200_000;
const web = fileURLToPath(new URL('../../web', import.meta.url));

let directory;
let manifest;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vitrine-first-load-'));
  const build = [join(web, 'node_modules/vite/bin/vite.js'), 'build', '--manifest', '--outDir', directory];
  await promisify(execFile)(process.execPath, [...build, '--emptyOutDir', '--logLevel', 'error'], { cwd: web });
  manifest = JSON.parse(await readFile(join(directory, '.vite/manifest.json'), 'utf8'));
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Every file that these chunks bring with them at once. */
function filesOf(keys, seen = new Set(), files = new Set()) {
  for (const key of keys) {
    if (seen.has(key)) continue;
    seen.add(key);
    const { file, css = [], imports = [] } = manifest[key];
    for (const one of [file, ...css]) files.add(one);
    filesOf(imports, seen, files);
  }
  return files;
}

async function sizes(keys) {
  const files = await Promise.all(
    [...filesOf(keys)].map(async (file) => [file, gzipSync(await readFile(join(directory, file))).length]),
  );
  const total = files.reduce((sum, [, size]) => sum + size, 0);
  const list = files.map(([file, size]) => `  ${file} ${(size / 1000).toFixed(1)} KB`).join('\n');
  return { total, told: `${(total / 1000).toFixed(1)} KB\n${list}` };
}

/** The page itself and the language it speaks. */
const start = () => [Object.keys(manifest).find((key) => manifest[key].isEntry), 'src/i18n/en/index.ts'];

test('home is loaded within the budget', async (t) => {
  const { total, told } = await sizes([...start(), 'src/pages/home/home-page.tsx']);
  t.diagnostic(told);
  assert.ok(total <= BUDGET_BYTES, `the first load has ${told}`);
});

test('a workspace is loaded within the budget, before its editor', async (t) => {
  const { total, told } = await sizes([...start(), 'src/pages/workspace-page.tsx']);
  t.diagnostic(told);
  assert.ok(total <= BUDGET_BYTES, `the first load has ${told}`);
  const editor = [...filesOf(['src/workspace/editor/code-editor.tsx'])];
  const early = filesOf([...start(), 'src/pages/workspace-page.tsx']);
  assert.ok(!early.has(editor[0]), 'the editor does not come at first');
});
