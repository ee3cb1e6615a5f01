// The builder page, as a new maker meets it: the link of the ready line, a template, an edit, the change on screen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Server, until } from '../lib/server.mjs';

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

test('from the ready link to an edit on screen, without leaving the page', async () => {
  const page = await open(browser, server.signInUrl);
  assert.equal(new URL(page.url()).search, '', 'the code has left the address');
  await page.getByTestId('template-chat-soft').click();
  await page.getByTestId('create-app').click();
  await page.getByTestId('session-status').waitFor();
  await until('a running session', 240_000, async () =>
    (await page.getByTestId('session-status').first().getAttribute('data-status')) === 'running');
  const preview = page.frameLocator('[data-testid="preview"]');
  await preview.locator('h1, h2').first().waitFor({ timeout: 30_000 });

  const app = new URL(page.url()).pathname.split('/').at(-1);
  const source = await server.read(app, 'index.html');
  assert.match(source, /<title>/);
  await page.getByTestId('file-src/App.tsx').click();
  const editor = page.getByTestId('editor').locator('.cm-content');
  await editor.click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type("import './typed-by-a-maker.css';\n");
  await until('the edit in the draft', 20_000, async () => (await server.read(app, 'src/App.tsx')).includes('typed-by-a-maker'));
  // The import does not resolve: Vite says so over the page, and the page is back when the file is there.
  await preview.locator('vite-error-overlay').waitFor({ state: 'attached', timeout: 20_000 });
  await server.write(app, { 'src/typed-by-a-maker.css': 'body { outline: 3px solid red; }\n' });
  await preview.locator('vite-error-overlay').waitFor({ state: 'detached', timeout: 20_000 });
  await until('the style in the preview', 20_000, () =>
    preview.locator('body').evaluate((body) => getComputedStyle(body).outlineWidth === '3px'));
  await page.context().close();
});

test('a stranger sees a sign-in form, and the key opens it', async () => {
  const page = await open(browser, server.origin);
  await page.getByTestId('sign-in').first().waitFor();
  await page.getByTestId('sign-in-otherwise').click();
  await page.locator('input').first().fill('vt_end-to-end-tests');
  await page.keyboard.press('Enter');
  await page.getByTestId('template-chat-classic').waitFor();
  await page.context().close();
});
