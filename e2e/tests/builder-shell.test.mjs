// The builder around the workspace: home, commands, settings, publishing, the machine's page. By keyboard, as axe sees it, on
// a phone, and in two languages. With VITRINE_SHOTS, pictures of all of it are left in that directory.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, settled } from '../lib/axe.mjs';
import { launch, open, openIn } from '../lib/browser.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

const SCREEN_MS = 20_000;
const PHONE = { width: 390, height: 844 };
const { VITRINE_SHOTS: shots } = process.env;

let server;
let browser;
let home;

before(async () => {
  server = await Server.start({ environment: { VITRINE_INSTALL_WARM_TEMPLATES: 'false' } });
  browser = await launch();
  home = await open(browser, server.signInUrl);
  await home.getByTestId('first-run').getByRole('button', { name: 'Not now' }).press('Enter');
  await home.getByTestId('template-chat-classic').waitFor();
  if (shots) await mkdir(shots, { recursive: true });
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

/** A tab of its own for a test, with whoever signed in first. */
async function visit(path, { viewport } = {}) {
  const page = await openIn(home.context(), new URL(path, server.origin).href);
  page.setDefaultTimeout(SCREEN_MS);
  if (viewport) await page.setViewportSize(viewport);
  return page;
}

/** The picture in both looks, as it is now. */
async function shot(page, name) {
  if (!shots) return;
  for (const theme of ['light', 'dark']) {
    await page.evaluate((value) => {
      document.documentElement.dataset.theme = value;
    }, theme);
    await settled(page);
    await page.screenshot({ path: join(shots, `${name}-${theme}.png`) });
  }
  await page.evaluate(() => {
    document.documentElement.dataset.theme = 'light';
  });
}

async function fits(page) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, 'nothing has to be scrolled sideways');
}

const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? document.activeElement?.tagName);

async function command(page, words) {
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').waitFor();
  await page.keyboard.type(words);
  await page.keyboard.press('Enter');
  await page.getByTestId('palette').waitFor({ state: 'detached' });
}

test('signing in and accepting an invitation, as axe sees them, in both languages', async () => {
  const { id, url } = await server.must('POST', '/v1/invites', { json: { name: 'Guest', role: 'viewer' } });
  const page = await open(browser, server.origin);
  page.setDefaultTimeout(SCREEN_MS);
  for (const [address, form] of [
    [server.origin, 'sign-in'],
    [url, 'invite'],
  ]) {
    await page.goto(address);
    await page.reload();
    await page.getByTestId(form).waitFor();
    await axe(page);
    await shot(page, form);
    await page.getByTestId('language').selectOption('de');
    await page.getByTestId(form).getByLabel('Passwort').waitFor();
    await axe(page);
    await page.getByTestId('language').selectOption('en');
  }
  await server.must('DELETE', `/v1/invites/${id}`);
  await page.context().close();
});

test('home by keyboard alone: search, choose, create, and back by a command', async () => {
  const page = await visit('/');
  await page.getByTestId('first-hint').waitFor();
  await page.getByTestId('template-chat-soft').waitFor();
  await axe(page);
  await shot(page, 'home-empty');
  await page.keyboard.press('/');
  assert.equal(await focused(page), 'search');
  await page.keyboard.type('landing');
  await page.getByTestId('template-chat-soft').waitFor({ state: 'detached' });
  assert.match(page.url(), /q=landing/, 'what was searched for is in the address');
  await page.keyboard.press('Escape');
  await page.getByTestId('template-chat-soft').waitFor();

  await page.getByTestId('template-chat-classic').locator('input').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/apps\//);
  const app = new URL(page.url()).pathname.split('/').at(-1);
  await command(page, 'all apps');
  await page.getByTestId(`app-${app}`).waitFor();
  assert.equal(await page.getByTestId('first-hint').count(), 0, 'whoever has made something is not new');
  await page.close();
});

test('an app is renamed in its row, deleted with a way back, and then for good', async () => {
  const { id } = await server.importZip('Old name', staticSite('<h1>Hi</h1>'));
  const page = await visit('/');
  const row = page.getByTestId(`app-${id}`);
  await row.getByRole('button', { name: 'Actions for Old name' }).press('Enter');
  await row.getByRole('button', { name: 'Rename' }).press('Enter');
  await row.getByLabel('New name').fill('New name');
  await page.keyboard.press('Enter');
  await row.getByRole('button', { name: 'Actions for New name' }).waitFor();
  assert.equal((await server.must('GET', `/v1/apps/${id}`)).name, 'New name');

  const remove = async () => {
    await row.getByRole('button', { name: 'Actions for New name' }).press('Enter');
    await row.getByRole('button', { name: 'Delete New name' }).press('Enter');
    await row.waitFor({ state: 'detached' });
  };
  await remove();
  assert.equal(
    await page.evaluate(() => document.activeElement?.getAttribute('aria-labelledby')),
    'recent-apps',
    'the focus stays in the list',
  );
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  await axe(page);
  await page.getByRole('button', { name: 'Undo' }).press('Enter');
  await page.getByRole('button', { name: 'Undo' }).waitFor({ state: 'detached' });
  await row.waitFor();
  assert.equal((await server.call('GET', `/v1/apps/${id}`)).status, 200, 'nothing has happened');
  await remove();
  await page.getByRole('button', { name: 'Dismiss' }).press('Enter');
  await until('the end of the app', SCREEN_MS, async () => (await server.call('GET', `/v1/apps/${id}`)).status === 404);
  await page.close();
});

test('a folder is packed here without what is installed, and becomes an app', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vitrine-e2e-folder-'));
  const project = join(directory, 'garden');
  await mkdir(join(project, 'node_modules/left-pad'), { recursive: true });
  await mkdir(join(project, 'pages'));
  await writeFile(join(project, 'index.html'), '<!doctype html><title>Garden</title><h1>Garden</h1>');
  await writeFile(join(project, 'pages/roses.html'), '<h1>Roses</h1>');
  await writeFile(join(project, 'node_modules/left-pad/index.js'), 'module.exports = 1;');
  const page = await visit('/');
  await page.getByTestId('import-folder').setInputFiles(project);
  await page.waitForURL(/\/apps\//);
  await page.getByText('Left out: node_modules').waitFor();
  const app = new URL(page.url()).pathname.split('/').at(-1);
  const { files } = await server.must('GET', `/v1/apps/${app}/files`);
  assert.deepEqual(Object.keys(files).sort(), ['index.html', 'pages/roses.html']);
  assert.equal((await server.must('GET', `/v1/apps/${app}`)).name, 'garden');
  await page.close();
  await rm(directory, { recursive: true });
});

test('what cannot be imported says why, and a .zip dropped anywhere on the page is taken', async () => {
  const page = await visit('/');
  await page.getByTestId('import').waitFor();
  const drop = (name, bytes) =>
    page.evaluate(
      ([file, content]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(content)], file));
        document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
      },
      [name, [...bytes]],
    );
  await drop('notes.txt', Buffer.from('no project'));
  await page.getByTestId('import').getByText('Drop one folder, or one .zip.').waitFor();
  await drop('dropped.zip', staticSite('<h1>Dropped</h1>'));
  await page.waitForURL(/\/apps\//);
  await page.close();
});

test('the palette finds commands and apps, and gives the focus back', async () => {
  const { id } = await server.importZip('Über alles', staticSite('<h1>Hi</h1>'));
  const page = await visit('/');
  await page.getByTestId('search').focus();
  await page.keyboard.press('Control+k');
  const palette = page.getByTestId('palette');
  await palette.getByText('Über alles').waitFor();
  await axe(page, { within: '[data-testid="palette"]' });
  await shot(page, 'palette');
  await page.keyboard.type('no such thing');
  await palette.getByText('No command called').waitFor();
  await page.keyboard.press('Escape');
  await palette.waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'search', 'the focus is where it was');

  await command(page, 'switch to dark');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await command(page, 'switch to light');
  await page.locator('body').click({ position: { x: 2, y: 2 } });
  await page.keyboard.press('?');
  const shortcuts = page.getByTestId('shortcuts');
  await shortcuts.getByText('Ctrl').first().waitFor();
  await axe(page, { within: '[data-testid="shortcuts"]' });
  await shot(page, 'shortcuts');
  await page.keyboard.press('Escape');
  await shortcuts.waitFor({ state: 'detached' });
  await command(page, 'uber alles');
  await page.waitForURL(new RegExp(`/apps/${id}$`));
  await page.close();
});

test('typing in the palette makes no task long enough to be felt', async (t) => {
  const page = await visit('/');
  await page.getByTestId('template-chat-soft').waitFor();
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({
      type: 'longtask',
    });
  });
  const longest = [];
  // What the page does takes long every time; what the machine does beside it does not.
  for (let round = 0; round < 4; round++) {
    await page.keyboard.press('Control+k');
    await page.getByTestId('palette').waitFor();
    await page.evaluate(() => {
      window.longTasks.length = 0;
    });
    await page.keyboard.type('settings of the');
    longest.push(await page.evaluate(() => Math.max(0, ...window.longTasks)));
    await page.keyboard.press('Escape');
    await page.getByTestId('palette').waitFor({ state: 'detached' });
  }
  t.diagnostic(`longest task of each round: ${longest.map(Math.round).join(', ')} ms`);
  assert.ok(Math.min(...longest) < 50, `each round had a task of ${longest.map(Math.round).join(', ')} ms`);
  await page.close();
});

test('another language is spoken at once, and in the next visit', async (t) => {
  const page = await visit('/');
  t.after(() => home.evaluate(() => localStorage.removeItem('vitrine.language')));
  await page.getByTestId('search').fill('something');
  await page.getByTestId('language').selectOption('de');
  await page.getByRole('heading', { name: 'Was möchtest du bauen?' }).waitFor();
  assert.equal(await page.getByTestId('search').inputValue(), 'something', 'nothing on the page is lost');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'de');
  await axe(page);
  await page.goto(`${server.origin}/settings/members`);
  await page.getByRole('heading', { name: 'Mitglieder' }).waitFor();
  await axe(page);
  await shot(page, 'members-de');
  await page.getByTestId('language').selectOption('en');
  await page.getByRole('heading', { name: 'Members' }).waitFor();
  await page.close();
});

test('somebody is invited and a key is made and revoked, by keyboard', async () => {
  const page = await visit('/settings/members');
  const invites = page.getByTestId('invites');
  await invites.getByLabel('For whom').fill('Ada');
  await page.keyboard.press('Enter');
  const link = await invites.getByTestId('shown-once').locator('code').innerText();
  assert.match(link, /#invite=/);
  await invites.getByRole('button', { name: 'Withdraw the invitation for Ada' }).press('Enter');
  await invites.getByText('Nobody is invited').waitFor();
  await axe(page);

  await page.getByTestId('settings-tab-keys').press('Enter');
  const keys = page.getByTestId('keys');
  await keys.getByText('No keys yet').waitFor();
  await keys.getByLabel('Name').fill('Build server');
  await page.keyboard.press('Enter');
  const secret = await keys.getByTestId('shown-once').locator('code').innerText();
  assert.equal((await server.call('GET', '/v1/apps', { key: secret })).status, 200);
  await axe(page);
  await shot(page, 'keys');
  await keys.getByRole('button', { name: 'Revoke the key Build server' }).press('Enter');
  await keys.getByRole('button', { name: 'Revoke', exact: true }).press('Enter');
  await keys.getByText('revoked', { exact: false }).first().waitFor();
  await until('the end of the key', SCREEN_MS, async () =>
    (await server.call('GET', '/v1/apps', { key: secret })).status === 401);
  for (const tab of ['usage', 'profile']) {
    await page.getByTestId(`settings-tab-${tab}`).press('Enter');
    await page.getByTestId(tab).waitFor();
    await axe(page);
    await shot(page, tab);
  }
  await page.close();
});

test('every setting of an app is set and taken back in its panel', async () => {
  const { id } = await server.importZip('Set up', staticSite('<h1>Hi</h1>'));
  const page = await visit(`/apps/${id}/settings`);
  const panel = page.getByTestId('settings-panel');
  const to = async (tab) => {
    await page.getByTestId(`settings-tab-${tab}`).press('Enter');
    await panel.getByText('Loading…').waitFor({ state: 'detached' });
  };
  await panel.getByRole('textbox', { name: 'Address' }).fill('set-up-anew');
  await page.keyboard.press('Enter');
  await page.getByTestId('settings-name').getByText('Saved', { exact: true }).waitFor();
  assert.equal((await server.must('GET', `/v1/apps/${id}`)).slug, 'set-up-anew');
  await panel.getByRole('textbox', { name: 'Address' }).fill('Not A Slug');
  await page.keyboard.press('Enter');
  await page.getByTestId('settings-name').getByRole('alert').waitFor();
  await axe(page);
  await shot(page, 'app-general');

  await to('secrets');
  const form = page.getByTestId('value-form');
  await form.getByLabel('Name').fill('API_KEY');
  await form.getByLabel('Value').fill('a value that is no word');
  await form.getByRole('button', { name: 'Save' }).press('Enter');
  await page.getByTestId('value-API_KEY').waitFor();
  assert.equal((await page.getByTestId('secrets').innerText()).includes('no word'), false, 'the value does not come back');
  await form.getByLabel('What').selectOption('variable');
  await form.getByLabel('Name').fill('VITE_TITLE');
  await form.getByLabel('Value').fill('Hello');
  await form.getByRole('button', { name: 'Save' }).press('Enter');
  await page.getByTestId('value-VITE_TITLE').getByText('= Hello').waitFor();
  await axe(page);
  await shot(page, 'app-secrets');
  await page.getByRole('button', { name: 'Delete API_KEY' }).press('Enter');
  await page.getByTestId('value-API_KEY').getByRole('button', { name: 'Delete', exact: true }).press('Enter');
  await page.getByTestId('value-API_KEY').waitFor({ state: 'detached' });

  await to('links');
  await panel.getByLabel('For whom').fill('Grandma');
  await page.keyboard.press('Enter');
  await page.getByTestId('shown-once').waitFor();
  await panel.getByRole('button', { name: 'Take back the link Grandma' }).waitFor();
  await axe(page);
  await shot(page, 'app-links');
  await panel.getByRole('button', { name: 'Take back the link Grandma' }).press('Enter');
  await panel.getByText('No links yet').waitFor();

  await to('egress');
  await panel.getByRole('textbox', { name: 'Servers' }).fill('127.0.0.1:80');
  await panel.getByRole('button', { name: 'Save' }).press('Enter');
  await panel.getByRole('alert').waitFor();
  await panel.getByRole('textbox', { name: 'Servers' }).fill('api.example.com:443');
  await panel.getByRole('button', { name: 'Save' }).press('Enter');
  await panel.getByRole('status').getByText('Saved', { exact: true }).waitFor();
  assert.deepEqual((await server.must('GET', `/v1/apps/${id}/egress`)).destinations, ['api.example.com:443']);

  await to('session');
  await panel.getByText('No preview runs').waitFor();
  await panel.getByRole('button', { name: 'Start', exact: true }).press('Enter');
  await panel.getByText('Running').waitFor({ timeout: 60_000 });
  await axe(page);
  await panel.getByRole('button', { name: 'Stop', exact: true }).press('Enter');
  await panel.getByText('No preview runs').waitFor();
  for (const tab of ['visits', 'hosting']) {
    await to(tab);
    await panel.getByRole('heading').first().waitFor();
    await axe(page);
  }
  await page.close();
});

test('publishing by its key, with steps, size, history and settings, as axe sees them', async () => {
  const { id } = await server.importZip('To publish', staticSite('<h1>First</h1>'));
  const page = await visit(`/apps/${id}`);
  await page.getByTestId('ribbon').getByText('draft only').waitFor();
  await page.keyboard.press('Control+Shift+P');
  await page.locator('[data-testid="publish-headline"][data-status="succeeded"]').waitFor({ timeout: 120_000 });
  await page.getByTestId('publish-size').getByText('in 1 file').waitFor();
  await page.getByTestId('ribbon').getByText('up to date').waitFor();
  const panel = '[data-testid="site-panel"]';
  await axe(page, { within: panel });
  await shot(page, 'publish');
  await page.getByTestId('site-tab-publish').focus();
  for (const tab of ['problems', 'history', 'settings']) {
    await page.keyboard.press('ArrowRight');
    await page.locator(`[data-testid="site-tab-${tab}"][aria-selected="true"]`).waitFor();
    assert.equal(await focused(page), `site-tab-${tab}`);
    await axe(page, { within: panel });
    await shot(page, `publish-${tab}`);
  }
  await command(page, 'what was published');
  await page.getByTestId('release-1').waitFor();
  await page.close();
});

test('a phone shows all of it without scrolling sideways', async () => {
  const { items } = await server.must('GET', '/v1/apps');
  const paths = {
    home: '/',
    members: '/settings/members',
    keys: '/settings/keys',
    machine: '/machine',
    'app-general': `/apps/${items[0].id}/settings`,
    'app-secrets': `/apps/${items[0].id}/settings/secrets`,
  };
  for (const [name, path] of Object.entries(paths)) {
    const page = await visit(path, { viewport: PHONE });
    await page.locator('main h1').waitFor();
    await page.waitForLoadState('networkidle');
    await fits(page);
    await axe(page);
    await shot(page, `phone-${name}`);
    if (name === 'home') {
      await page.getByTestId('open-palette').click();
      await page.getByTestId('palette').waitFor();
      await fits(page);
      await shot(page, 'phone-palette');
    }
    await page.close();
  }
});

test("the machine's page and a full home, in both looks", async () => {
  const { items } = await server.must('GET', '/v1/apps');
  await server.session(items[0].id);
  const page = await visit('/machine');
  await page.getByTestId(`preview-${items[0].id}`).waitFor();
  await page.getByTestId('machine-processor').getByRole('img').waitFor();
  await axe(page);
  await shot(page, 'machine');
  for (const theme of ['dark', 'light']) {
    await page.goto(`${server.origin}/`);
    await page.getByTestId(`app-${items[0].id}`).waitFor();
    await command(page, `switch to ${theme}`);
    await axe(page);
    if (shots) await page.screenshot({ path: join(shots, `home-${theme}.png`) });
    await page.goto(`${server.origin}/machine`);
    await page.getByTestId('machine-memory').waitFor();
    await axe(page);
  }
  await page.close();
});
