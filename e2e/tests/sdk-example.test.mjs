// The example product in a real browser: on an origin of its own, with a preview and publishing of Vitrine in its page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { Vitrine } from '../../sdk/client/dist/index.js';
import { mintToken } from '../../sdk/client/dist/server.js';
import { launch } from '../lib/browser.mjs';
import { get } from '../lib/http.mjs';
import { Server, until } from '../lib/server.mjs';

const example = fileURLToPath(new URL('../../sdk/examples/storefront', import.meta.url));
const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const SECRET = 'what both sides know, and nobody else does';

let vitrine;
let product;
let browser;
let context;
let page;
/** Everything that the product's page was sent, and the headers of what it sent: for looking for what must not be there. */
const received = [];
const sent = [];

before(async () => {
  const port = await freePort();
  vitrine = await Server.start({
    environment: {
      VITRINE_JWT_ISSUER: 'https://corner-shop.example',
      VITRINE_JWT_AUDIENCE: 'vitrine',
      VITRINE_JWT_ALGORITHMS: 'HS256',
      VITRINE_JWT_SECRET: SECRET,
      VITRINE_JWT_CREATE_TENANTS: 'true',
      VITRINE_PREVIEW_BRIDGE_ORIGINS: `http://localhost:${port}`,
    },
  });
  product = await startProduct(port);
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.on('request', (request) => isProducts(request) && sent.push(JSON.stringify(request.headers())));
  page.on('response', async (response) => {
    if (isProducts(response)) received.push(await response.text().catch(() => ''));
  });
});

after(async () => {
  await browser?.close();
  product?.process.kill();
  await vitrine?.remove();
});

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function startProduct(port) {
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    VITRINE_URL: `http://127.0.0.1:${vitrine.port}`,
    VITRINE_JWT_SECRET: SECRET,
  };
  const process_ = spawn(process.execPath, ['server.mjs'], { cwd: example, env, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    process_.stdout.on('data', (chunk) => String(chunk).includes('ready: ') && resolve());
    process_.once('exit', (code) => reject(new Error(`the example's server ended with ${code}`)));
  });
  return { process: process_, origin: `http://localhost:${port}` };
}

const isProducts = (message) => new URL(message.url()).origin === product.origin;
const frame = () => page.frameLocator('iframe');

test('the page of the example is short', async () => {
  const source = await readFile(`${example}/page.tsx`, 'utf8');
  assert.ok(source.split('\n').length < 150);
});

test('a page is made, and its preview is live in the product, on an origin of its own', async () => {
  await page.goto(product.origin);
  await page.getByLabel('Its name').fill('Bread and Butter');
  await page.getByLabel('How it looks').selectOption('chat-soft');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByTitle('Preview of Bread and Butter').waitFor({ timeout: 240_000 });
  await frame().locator('h1, h2').first().waitFor({ timeout: 60_000 });
  const src = await page.locator('iframe').getAttribute('src');
  assert.notEqual(new URL(src).origin, product.origin);
});

test('what is typed is in the preview, without a reload', async () => {
  await frame().locator('body').evaluate((body) => body.setAttribute('data-seen', 'yes'));
  const editor = page.getByLabel('src/App.tsx');
  await until('the file in the editor', 10_000, async () => (await editor.inputValue()) !== '');
  await editor.fill((await editor.inputValue()).replace(/(<h1 className="text-4xl[^>]*>)[^<]*/, '$1Fresh every morning'));
  await frame().getByRole('heading', { name: 'Fresh every morning' }).waitFor({ timeout: 20_000 });
  assert.equal(await frame().locator('body').getAttribute('data-seen'), 'yes');
  await page.getByText('Saved').waitFor();
});

test('the sizes of devices are the sizes of the page inside', async () => {
  const width = () => frame().locator('html').evaluate(() => innerWidth);
  await page.getByRole('button', { name: 'Phone' }).click();
  await until('a page of 390', 5_000, async () => (await width()) === 390);
  await page.getByRole('button', { name: 'Rotate' }).click();
  await until('a page of 844', 5_000, async () => (await width()) === 844);
  await page.getByRole('button', { name: 'Desktop' }).click();
  await until('a page as wide as there is room', 5_000, async () => ![390, 844].includes(await width()));
});

test('what the page in the preview logs is in the console', async () => {
  await page.getByLabel('Console').check();
  await frame().locator('body').evaluate(() => console.warn('out of flour', { loaves: 3 }));
  await page.getByRole('log').getByText('out of flour').waitFor({ timeout: 10_000 });
});

/** The product's person, as its server knows them. */
function program() {
  const who = { issuer: 'https://corner-shop.example', audience: 'vitrine', subject: 'ada', name: 'Ada', tenant: 'corner-shop' };
  const url = `http://127.0.0.1:${vitrine.port}`;
  const client = new Vitrine({ url, auth: { token: () => mintToken(SECRET, who) } });
  return client.app(new URL(page.url()).searchParams.get('app'));
}

test('a program is told the same, over the API', async () => {
  for await (const event of program().session.events({ signal: AbortSignal.timeout(20_000) })) {
    if (event.kind !== 'console') continue;
    assert.deepEqual([event.level, event.args[0]], ['warn', 'out of flour']);
    break;
  }
});

test('what is typed while the product is away is saved when it is back', async () => {
  const gone = once(product.process, 'exit');
  product.process.kill();
  await gone;
  const editor = page.getByLabel('src/App.tsx');
  await editor.fill((await editor.inputValue()).replace('Fresh every morning', 'Baked at dawn'));
  await page.getByText('Vitrine does not answer').waitFor({ timeout: 20_000 });
  product = await startProduct(Number(new URL(product.origin).port));
  await page.getByText('Saved').waitFor({ timeout: 30_000 });
  assert.match(await program().draft.readText('src/App.tsx'), /Baked at dawn/);
  await frame().getByRole('heading', { name: 'Baked at dawn' }).waitFor({ timeout: 20_000 });
});

test('publishing ends in a link to what was typed', async () => {
  await page.getByRole('button', { name: 'Publish', exact: true }).click();
  const link = page.getByRole('link', { name: 'Open your site' });
  await link.waitFor({ timeout: 240_000 });
  const { status } = await get(await link.getAttribute('href'), { headers: { accept: 'text/html' } });
  assert.equal(status, 200);
});

test('a reload finds everything again, and ended nothing', async () => {
  await page.reload();
  await frame().locator('h1, h2').first().waitFor({ timeout: 60_000 });
  await page.getByRole('link', { name: 'Open your site' }).waitFor();
});

test('everything can be reached and used with the keyboard alone', async () => {
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
  const tabTo = (name) =>
    until(`the focus on “${name}”`, 10_000, async () => {
      await page.keyboard.press('Tab');
      return (await focused()) === name;
    });
  await page.locator('body').focus();
  for (const name of ['Publish', 'Delete page', 'src/App.tsx', 'Reload', 'Desktop', 'Tablet', 'Phone']) await tabTo(name);
  await page.keyboard.press('Enter');
  await until('a page of 390', 5_000, () => frame().locator('html').evaluate(() => innerWidth === 390));
  assert.equal(await focused(), 'Phone', 'whoever has pressed it keeps their place');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
});

test('on a phone nothing sticks out', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('the page can be used by everybody', async () => {
  await page.evaluate(axe);
  // The preview's own page is its makers' matter.
  const run = () => page.evaluate(() => window.axe.run({ exclude: ['iframe'] }));
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await run();
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], colorScheme);
  }
});

test('nothing that opens the API has reached the product\'s page', async () => {
  assert.ok(sent.length > 10 && received.length > 10);
  assert.doesNotMatch(sent.join('\n'), /authorization|x-csrf-token|vitrine/i);
  for (const bad of [/\bvt_[\w-]/, /\beyJ[\w-]+\.[\w-]+\./, new RegExp(SECRET)]) {
    assert.equal(received.filter((text) => bad.test(text)).length, 0, String(bad));
  }
});
