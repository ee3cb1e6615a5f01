// The same product under other circumstances: an ordinary user, and a machine that allows no sandboxes.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Server, binary } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

/** Anybody but root; the number needs no name. */
const SOMEBODY = 31_415;

let browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
});

async function shows(server, text) {
  const app = await server.importZip('Elsewhere', staticSite(`<h1>${text}</h1>`));
  const session = await server.session(app.id);
  const page = await open(browser, session.preview_url);
  await page.getByText(text).waitFor();
  await server.write(app.id, { 'index.html': '<!doctype html><h1>edited</h1>' });
  await page.getByText('edited').waitFor({ timeout: 20_000 });
  await page.context().close();
  return session;
}

test('an ordinary user gets sandboxes too', { skip: process.getuid() !== 0 && 'every other test is that already' }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'vitrine-e2e-user-'));
  chownSync(dir, SOMEBODY, SOMEBODY);
  chmodSync(dir, 0o755);
  const program = join(dir, 'vitrine');
  copyFileSync(binary, program);
  chmodSync(program, 0o755);
  const environment = { HOME: dir, VITRINE_INSTALL_LAYERS_DIR: '', VITRINE_INSTALL_WARM_TEMPLATES: 'false' };
  const server = await Server.start({ dataDir: join(dir, 'data'), environment, uid: SOMEBODY, gid: SOMEBODY, program });
  try {
    const session = await shows(server, 'made by an ordinary user');
    assert.equal(session.driver, 'local');
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('the process driver runs projects without isolation, and says so', async () => {
  const server = await Server.start({ environment: { VITRINE_DRIVER: 'process', VITRINE_INSTALL_WARM_TEMPLATES: 'false' } });
  try {
    const session = await shows(server, 'made without a sandbox');
    assert.equal(session.driver, 'process');
    assert.match(server.log, /WITHOUT ANY ISOLATION/);
  } finally {
    await server.remove();
  }
  const refused = Server.start({ environment: { VITRINE_DRIVER: 'process', VITRINE_LISTEN: '0.0.0.0:0' } });
  await assert.rejects(refused, /loopback/);
});
