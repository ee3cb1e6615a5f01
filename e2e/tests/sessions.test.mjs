// Sessions side by side, and sessions that end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { get } from '../lib/http.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

let server;
let browser;

before(async () => {
  server = await Server.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.remove();
});


test('two sessions show their own apps, and neither opens with the other one\'s cookie', async () => {
  const first = await server.importZip('First', staticSite('<h1>the first</h1>'));
  const second = await server.importZip('Second', staticSite('<h1>the second</h1>'));
  const one = await server.session(first.id);
  const two = await server.session(second.id);
  const pageOne = await open(browser, one.preview_url);
  const pageTwo = await open(browser, two.preview_url);
  await pageOne.getByText('the first').waitFor();
  await pageTwo.getByText('the second').waitFor();
  const [cookie] = await pageOne.context().cookies();
  assert.ok(cookie.httpOnly, 'the cookie is out of reach of scripts');

  const stranger = await browser.newContext();
  const host = new URL(two.preview_url).hostname;
  await stranger.addCookies([{ ...cookie, domain: host, partitionKey: undefined }]);
  const refused = await (await stranger.newPage()).goto(`http://${host}:${server.port}/`);
  assert.ok([401, 403].includes(refused.status()), `refused with ${refused.status()}`);
  const without = await (await (await browser.newContext()).newPage()).goto(`http://${host}:${server.port}/`);
  assert.equal(without.status(), 401);
});

test('the builder frames a preview across sites, with third-party cookies blocked', async () => {
  const app = await server.importZip('Framed', staticSite('<h1>in a frame</h1>'));
  const session = await server.session(app.id);
  const page = await open(browser, `${server.origin}/healthz`);
  await page.setContent(`<iframe id="frame" src="${session.preview_url}"></iframe>`);
  await page.frameLocator('#frame').getByText('in a frame').waitFor({ timeout: 15_000 });
});

test('an idle session is taken down, and its URL brings it back', async () => {
  const quick = await Server.start({
    environment: { VITRINE_SESSIONS_IDLE_TIMEOUT_SECS: '2', VITRINE_SESSIONS_SWEEP_SECS: '1' },
  });
  try {
    const app = await quick.importZip('Idle', staticSite('<h1>awake</h1>'));
    const session = await quick.session(app.id);
    await quick.sessionIs(app.id, 'hibernated', 20_000);
    const page = await open(browser, session.preview_url);
    await page.getByText('awake').waitFor({ timeout: 20_000 });
    assert.equal(new URL(page.url()).host, new URL(session.preview_url).host, 'at the same address');
    await page.context().close();
  } finally {
    await quick.remove();
  }
});

test('an expired session is over, and ensuring it makes a new one', async () => {
  const quick = await Server.start({
    environment: { VITRINE_SESSIONS_EXPIRY_SECS: '2', VITRINE_SESSIONS_SWEEP_SECS: '1' },
  });
  try {
    const app = await quick.importZip('Expiring', staticSite('<h1>for a while</h1>'));
    const session = await quick.session(app.id);
    await quick.sessionIs(app.id, 'expired', 20_000);
    const answer = await get(session.preview_url, { headers: { accept: 'text/html' } });
    assert.equal(answer.status, 410);
    const next = await quick.session(app.id);
    assert.notEqual(next.id, session.id);
  } finally {
    await quick.remove();
  }
});

test('a dev server that is killed comes back with its reason in the log', async () => {
  const app = await server.importZip('Dying', staticSite('<h1>still here</h1>', {
    'package.json': JSON.stringify({ scripts: { dev: 'node server.mjs' } }),
    'server.mjs': `import http from 'node:http';
      http.createServer((request, response) => {
        if (request.url === '/die') process.exit(7);
        response.setHeader('content-type', 'text/html').end('<h1>still here</h1>');
      }).listen(process.env.PORT, process.env.HOST);`,
  }));
  const session = await server.session(app.id);
  const page = await open(browser, session.preview_url);
  await page.goto(new URL('/die', page.url()).href).catch(() => undefined);
  await until('a restart', 20_000, async () => {
    const now = await server.must('GET', `/v1/apps/${app.id}/session`);
    return now.restarts > 0 && now.status === 'running';
  });
  await page.goto(new URL('/', page.url()).href);
  await page.getByText('still here').waitFor();
});
