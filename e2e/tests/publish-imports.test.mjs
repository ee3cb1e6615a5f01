// Projects that we did not make, published: their files are those of a plain `npm ci && vite build`, byte for byte.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Server, sharedLayers } from '../lib/server.mjs';
import { zip } from '../lib/zip.mjs';

let server;
let browser;
let folder;

before(async () => {
  // Projects of strangers name versions of their own choice: their age is not what is tested here.
  server = await Server.start({ environment: { VITRINE_PUBLISH_MIN_PACKAGE_AGE_HOURS: '0' } });
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), 'vitrine-publish-imports-'));
  execFileSync('npm', ['pack', 'create-vite@9.3.0', '--pack-destination', folder, '--silent'], { cwd: folder });
  execFileSync('tar', ['xzf', join(folder, 'create-vite-9.3.0.tgz'), '-C', folder]);
});

after(async () => {
  await browser?.close();
  await server?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

function filesBelow(root) {
  const found = {};
  const visit = (at) => {
    for (const name of readdirSync(at)) {
      const path = join(at, name);
      if (statSync(path).isDirectory()) visit(path);
      else found[relative(root, path).replace('_gitignore', '.gitignore')] = readFileSync(path);
    }
  };
  visit(root);
  return found;
}

/** The Node.js and npm that builds run, so that only Vitrine differs. */
function toolchainBin() {
  const toolchains = join(sharedLayers, 'toolchains');
  return readdirSync(toolchains).sort().map((name) => join(toolchains, name, 'bin')).at(-1);
}

/** What a person's shell has who uses that Node.js. */
function shell() {
  const { HOME, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PATH } = process.env;
  return { HOME, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PATH: `${toolchainBin()}:${PATH}`, TZ: 'UTC', CI: '1' };
}

function hashes(files) {
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')]));
}

/** `npm ci`; where it refuses npm's own lockfile for lack of other platforms' optional packages, `npm install` by it. */
function plainInstall(dir) {
  const npm = (command) => {
    execFileSync('npm', [command, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: dir, env: shell(), stdio: 'ignore' });
  };
  try {
    npm('ci');
  } catch {
    npm('install');
  }
}

/** What a person gets who builds the project by hand. */
function plainBuild(dir) {
  execFileSync('npx', ['vite', 'build', '--base', './'], { cwd: dir, env: shell(), stdio: 'ignore' });
  return hashes(filesBelow(join(dir, 'dist')));
}

const PROJECTS = ['react-ts', 'vue-ts', 'svelte-ts', 'preact-ts', 'solid-ts', 'lit-ts'];

for (const template of PROJECTS) {
  test(`create-vite ${template}: published, and the same as a plain build`, async () => {
    const files = filesBelow(join(folder, 'package', `template-${template}`));
    const app = (await server.importZip(template, zip(files))).id;
    const published = await server.mustPublish(app);
    const manifest = await server.must('GET', `/v1/apps/${app}/artifacts/${published.artifact}/manifest`);
    const ours = Object.fromEntries(Object.entries(manifest.files).map(([path, file]) => [path, file.sha256]));

    const plain = join(folder, `plain-${template}`);
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(plain, path)), { recursive: true });
      writeFileSync(join(plain, path), bytes);
    }
    // The project came without a lockfile: the one that the publish chose is in the draft now.
    writeFileSync(join(plain, 'package-lock.json'), await server.read(app, 'package-lock.json'));
    plainInstall(plain);
    const first = plainBuild(plain);
    const again = join(folder, `again-${template}`);
    cpSync(plain, again, { recursive: true, verbatimSymlinks: true });
    const second = plainBuild(again);
    const stable = Object.keys(first).filter((path) => first[path] === second[path]);
    assert.ok(stable.length > 0, 'plain builds equal themselves');
    for (const path of stable) assert.equal(ours[path], first[path], path);
    assert.deepEqual(Object.keys(ours).sort(), Object.keys(first).sort());

    const page = await open(browser, published.site_url);
    await page.getByRole('button', { name: /count/i }).or(page.locator('my-element')).first().waitFor();
    assert.deepEqual(page.faults.filter((fault) => !fault.includes('favicon')), []);
    await page.context().close();
  });
}
