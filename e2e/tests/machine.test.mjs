// What runs on the machine, as its operator sees it in the browser and by Prometheus; and that nobody else does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, openIn } from '../lib/browser.mjs';
import { get, previewCookie } from '../lib/http.mjs';
import { ADMIN_KEY, Server } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

const METRICS_KEY = 'for-the-scraper-and-nobody-else';
const PASSWORD = 'correct horse battery';

let server;
let browser;

before(async () => {
  server = await Server.start({
    environment: {
      VITRINE_SERVER_METRICS_KEY: METRICS_KEY,
      // Nothing here has packages.
      VITRINE_INSTALL_WARM_TEMPLATES: 'false',
      VITRINE_SESSIONS_FREEZE_AFTER_SECS: '4',
      VITRINE_SESSIONS_IDLE_TIMEOUT_SECS: '12',
      VITRINE_SESSIONS_SWEEP_SECS: '1',
    },
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

const counted = (page, state) => page.getByTestId(`sessions-${state}`).getByRole('definition');
const fact = (page, name) => page.getByTestId(`fact-${name}`).locator('strong');

async function showsText(locator, text) {
  await locator.filter({ hasText: new RegExp(`^${text}$`) }).waitFor({ timeout: 30_000 });
}

test('an operator finds the page, and watches a session start, pause, fall asleep and wake', async () => {
  const page = await open(browser, server.signInUrl);
  await page.getByRole('link', { name: 'Machine' }).press('Enter');
  await page.getByRole('heading', { name: 'Machine', level: 1 }).waitFor();
  await page.getByText('No preview runs').waitFor();
  assert.match(await page.getByTestId('machine-lead').innerText(), /Nobody has a preview open/);
  assert.match(await page.getByTestId('machine-memory').innerText(), /GiB used of/);
  await page.getByTestId('machine-processor').getByText(/% of \d+ core/).waitFor();

  const app = (await server.importZip('Watched', staticSite('<h1>Hello</h1>'))).id;
  const { preview_url: url } = await server.session(app);
  const cookie = await previewCookie(url);
  // As a script of the page asks: it is held until there is an answer, and gets no waiting page.
  const headers = { cookie, accept: 'text/html', 'sec-fetch-mode': 'cors' };
  const visit = () => get(new URL('/', url).href, { headers });
  const row = page.getByTestId(`preview-${app}`);
  await row.waitFor({ timeout: 30_000 });
  assert.match(await row.innerText(), /Watched[^]*MiB/);
  await showsText(fact(page, 'starts'), '1');

  await page.locator(`[data-testid="preview-${app}"][data-status="frozen"]`).waitFor({ timeout: 30_000 });
  await showsText(counted(page, 'frozen'), '1');
  assert.equal((await visit()).status, 200);
  await page.locator(`[data-testid="preview-${app}"][data-status="running"]`).waitFor({ timeout: 30_000 });
  await showsText(counted(page, 'running'), '1');

  await row.waitFor({ state: 'detached', timeout: 60_000 });
  await showsText(counted(page, 'hibernated'), '1');
  await showsText(fact(page, 'hibernations'), '1');
  assert.equal((await visit()).status, 200);
  await row.waitFor({ timeout: 30_000 });
  await showsText(fact(page, 'wakes'), '1');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('the list is sorted by keyboard, the order outlives a reload, and updates can be paused', async () => {
  for (const name of ['Beta', 'Alpha']) {
    await server.session((await server.importZip(name, staticSite(`<h1>${name}</h1>`))).id);
  }
  const page = await open(browser, server.origin);
  await page.getByTestId('sign-in-otherwise').click();
  await page.getByTestId('sign-in-key').locator('input').fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Machine' }).click();
  await page.getByRole('link', { name: 'Alpha' }).waitFor({ timeout: 30_000 });
  const names = async () => {
    const all = await page.locator('tbody th').getByRole('link').allInnerTexts();
    return all.filter((name) => ['Alpha', 'Beta'].includes(name));
  };
  const heading = page.getByRole('columnheader', { name: 'App' });
  await heading.getByRole('button').press('Enter');
  assert.equal(await heading.getAttribute('aria-sort'), 'ascending');
  assert.deepEqual(await names(), ['Alpha', 'Beta']);
  await heading.getByRole('button').press('Enter');
  assert.equal(await heading.getAttribute('aria-sort'), 'descending');
  assert.deepEqual(await names(), ['Beta', 'Alpha']);
  await page.clock.install();
  await page.reload();
  await page.getByRole('link', { name: 'Alpha' }).waitFor({ timeout: 30_000 });
  assert.equal(await heading.getAttribute('aria-sort'), 'descending');

  await page.waitForResponse(/\/v1\/machine/);
  await page.getByRole('button', { name: 'Pause updates' }).press('Enter');
  await page.getByRole('button', { name: 'Resume updates' }).waitFor();
  let asked = 0;
  page.on('request', (request) => {
    asked += request.url().includes('/v1/machine') ? 1 : 0;
  });
  await page.clock.runFor(60_000);
  assert.equal(asked, 0, 'nothing is asked in a minute');
  await page.getByRole('button', { name: 'Resume updates' }).press('Enter');
  await page.waitForRequest(/\/v1\/machine/);
  await page.context().close();
});

test('it fits a phone, and says when the server is gone without losing what was seen', async () => {
  const page = await open(browser, server.origin);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByTestId('sign-in-otherwise').click();
  await page.getByTestId('sign-in-key').locator('input').fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Machine' }).click();
  await page.getByTestId('machine-memory').waitFor();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, 'nothing has to be scrolled sideways');
  await page.route('**/v1/machine*', (route) => route.abort());
  await page.getByText('Vitrine does not answer').waitFor({ timeout: 20_000 });
  await page.getByText(/The figures below are those of/).waitFor();
  assert.ok(await page.getByTestId('machine-memory').isVisible());
  await page.unroute('**/v1/machine*');
  await page.getByText('Vitrine does not answer').waitFor({ state: 'detached', timeout: 20_000 });
  await page.context().close();
});

test('others find no link, and are told whose page it is', async () => {
  const { url } = await server.must('POST', '/v1/invites', { json: { name: 'Vera', role: 'owner' } });
  const page = await open(browser, url);
  await page.getByTestId('invite').getByLabel('Email').fill('vera@example.com');
  await page.getByTestId('invite').getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByTestId('template-chat-classic').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Machine' }).count(), 0);
  const direct = await openIn(page.context(), `${server.origin}/machine`);
  await direct.getByText('For whoever runs the server').waitFor();
  assert.equal(await direct.getByTestId('machine-memory').count(), 0);
  assert.equal(await direct.evaluate(async () => (await fetch('/v1/machine')).status), 403);
  assert.deepEqual(direct.faults.filter((fault) => !fault.includes('403')), []);
  await page.context().close();
});

test('Prometheus reads the figures with a key of its own, and a browser does not', async () => {
  const { status, body } = await server.call('GET', '/metrics', { key: METRICS_KEY });
  assert.equal(status, 200);
  const started = /^vitrine_starts_total (\d+)$/m.exec(String(body));
  assert.ok(Number(started?.[1]) >= 1, String(body));
  assert.match(String(body), /^vitrine_sessions\{state="running"\} \d+$/m);
  assert.equal((await server.call('GET', '/metrics', { key: null })).status, 401);
  const page = await open(browser, server.origin);
  const answer = await page.goto(`${server.origin}/metrics`);
  assert.equal(answer.status(), 401);
  await page.context().close();
});
