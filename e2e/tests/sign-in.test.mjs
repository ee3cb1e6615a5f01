// Signing in as people do: the first link, a password of one's own, an invitation, and what a stranger meets.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { launch, open } from '../lib/browser.mjs';
import { ADMIN_KEY, Server, binary } from '../lib/server.mjs';

const EMAIL = 'owner@example.com';
const PASSWORD = 'correct horse battery';

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

const home = (page) => page.getByTestId('template-chat-classic').waitFor();

async function fill(form, email, password) {
  await form.getByLabel('Email').fill(email);
  await form.getByLabel('Password').fill(password);
  await form.getByLabel('Password').press('Enter');
}

test('first link, password, sign out, wrong password, sign in, by keyboard', async () => {
  const page = await open(browser, server.signInUrl);
  await home(page);
  await page.getByTestId('first-run-open').press('Enter');
  await fill(page.getByTestId('first-run'), EMAIL, PASSWORD);
  await page.getByTestId('first-run').waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Sign out' }).press('Enter');
  const form = page.getByTestId('sign-in');
  await form.waitFor();
  assert.equal(await form.getByLabel('Email').evaluate((input) => input === document.activeElement), true);
  await fill(form, EMAIL, 'not the password');
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /email or the password is wrong/);
  await fill(form, EMAIL, PASSWORD);
  await home(page);
  assert.equal(await page.getByTestId('first-run').count(), 0);
  const cookies = await page.context().cookies();
  assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === 'Lax'));
  await page.context().close();
});

test('the admin key opens the page as well', async () => {
  const page = await open(browser, server.origin);
  await page.getByTestId('sign-in-otherwise').click();
  await page.getByTestId('sign-in-key').locator('input').fill(ADMIN_KEY);
  await page.keyboard.press('Enter');
  await home(page);
  await page.context().close();
});

test('whoever has an invitation joins with a new account, and may what it says', async () => {
  const { url, code } = await server.must('POST', '/v1/invites', { json: { name: 'Vera', role: 'viewer' } });
  const page = await open(browser, url);
  await fill(page.getByTestId('invite'), 'vera@example.com', PASSWORD);
  await home(page);
  assert.ok(!page.url().includes(code), 'the code has left the address');
  const answer = await page.evaluate(async () => {
    const me = await (await fetch('/v1/me')).json();
    const headers = { 'content-type': 'application/json', 'x-csrf-token': me.csrf_token };
    const body = JSON.stringify({ name: 'Hers', template: 'chat-classic' });
    const made = await fetch('/v1/apps', { method: 'POST', headers, body });
    return { role: me.role, status: made.status };
  });
  assert.deepEqual(answer, { role: 'viewer', status: 403 });
  await page.context().close();
});

test('an operator makes tenants and keys on a terminal', async () => {
  const admin = async (...words) => {
    const env = { VITRINE_URL: `http://127.0.0.1:${server.port}`, VITRINE_API_KEY: ADMIN_KEY };
    const { stdout } = await promisify(execFile)(binary, ['admin', ...words], { env });
    return JSON.parse(stdout);
  };
  const made = await admin('tenant', 'create', 'Acme', '--host-id', 'acme');
  const names = (await admin('tenant', 'list')).map((tenant) => tenant.name);
  assert.deepEqual(names, ['Default', 'Acme']);
  const me = await server.must('GET', '/v1/me', { key: made.key.secret });
  assert.deepEqual([me.tenant.id, me.role], [made.id, 'owner']);
  const { secret } = await admin('key', 'create', 'CI', '--role', 'editor', '--expires-in-secs', '60');
  assert.equal((await server.must('GET', '/v1/me', { key: secret })).role, 'editor');
  assert.equal((await admin('audit', 'verify')).intact, true);
});
