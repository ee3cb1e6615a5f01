// Projects that we did not make: the templates of create-vite, as everybody gets them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Server, until } from '../lib/server.mjs';
import { zip } from '../lib/zip.mjs';

let server;
let browser;
let packages;

before(async () => {
  server = await Server.start();
  browser = await launch();
  packages = mkdtempSync(join(tmpdir(), 'vitrine-create-vite-'));
  execFileSync('npm', ['pack', 'create-vite@9.3.0', '--pack-destination', packages, '--silent'], { cwd: packages });
  execFileSync('tar', ['xzf', join(packages, 'create-vite-9.3.0.tgz'), '-C', packages]);
});

after(async () => {
  await browser?.close();
  await server?.remove();
  if (packages) rmSync(packages, { recursive: true, force: true });
});

function filesBelow(folder) {
  const found = {};
  const visit = (at) => {
    for (const name of readdirSync(at)) {
      const path = join(at, name);
      if (statSync(path).isDirectory()) visit(path);
      else found[relative(folder, path).replace('_gitignore', '.gitignore')] = readFileSync(path);
    }
  };
  visit(folder);
  return found;
}

const PROJECTS = [
  { template: 'react-ts', file: 'src/App.tsx' },
  { template: 'vue-ts', file: 'src/components/HelloWorld.vue' },
  { template: 'svelte-ts', file: 'src/App.svelte' },
];

for (const { template, file } of PROJECTS) {
  test(`create-vite ${template}: imported, shown, its counter kept across an edit`, async () => {
    const files = filesBelow(join(packages, 'package', `template-${template}`));
    const app = (await server.importZip(template, zip(files))).id;
    const session = await server.session(app);
    const page = await open(browser, session.preview_url);
    const counter = page.getByRole('button', { name: /count is/i });
    await counter.click();
    await counter.click();
    await page.getByText(/count is 2/i).waitFor();
    await page.evaluate(() => { window.notReloaded = true; });
    const source = await server.read(app, file);
    assert.match(source, /Get started/i);
    await server.write(app, { [file]: source.replace(/Get started/i, 'Edited by a test') });
    await page.getByText('Edited by a test').waitFor({ timeout: 20_000 });
    assert.equal(await page.evaluate(() => window.notReloaded), true, 'no reload');
    if (template !== 'svelte-ts') await page.getByText(/count is 2/i).waitFor();
    const lock = await until('the made lockfile', 10_000, async () =>
      (await server.call('GET', `/v1/apps/${app}/files/package-lock.json`)).status === 200);
    assert.ok(lock, 'a project without a lockfile has one now');
    await page.context().close();
  });
}
