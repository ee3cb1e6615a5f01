// Every template, as a maker meets it: made, shown, edited with its state kept, broken, mended.
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

/** A counter in a file of its own: state that a reload would lose. */
const COUNTER = `import { useState } from 'react';

export function Probe() {
  const [count, setCount] = useState(0);
  return (
    <button id="probe" style={{ position: 'fixed', bottom: 8, right: 8, zIndex: 9999 }} onClick={() => setCount(count + 1)}>
      first text {count}
    </button>
  );
}
`;

/** Renders the probe beside whatever the template renders. */
async function addProbe(app, main) {
  const source = await server.read(app, main);
  const withProbe = source.replace(/<App\s*\/>/, '<><App /><Probe /></>');
  assert.notEqual(withProbe, source, `${main} renders <App />`);
  await server.write(app, {
    'src/probe.tsx': COUNTER,
    [main]: `import { Probe } from './probe';\n${withProbe}`,
  });
}

const REACT = ['chat-classic', 'chat-editorial', 'chat-neon', 'chat-soft', 'chat-grid', 'foundation'];

for (const key of REACT) {
  test(`${key}: shows, keeps state across an edit, shows and clears a syntax error`, async () => {
    const app = (await server.createFromTemplate(key)).id;
    await addProbe(app, 'src/main.tsx');
    const session = await server.session(app);
    const page = await open(browser, session.preview_url);
    assert.ok(!page.url().includes('token'), 'the token has left the address');
    await page.locator('#probe').waitFor();
    assert.ok((await page.locator('body').innerText()).trim().length > 40, 'the template shows text');
    await page.evaluate(() => { window.notReloaded = true; });
    await page.locator('#probe').click();
    await page.locator('#probe').click();

    await server.write(app, { 'src/probe.tsx': COUNTER.replace('first text', 'second text') });
    await page.getByText('second text 2').waitFor({ timeout: 20_000 });
    assert.equal(await page.evaluate(() => window.notReloaded), true, 'no reload');

    await server.write(app, { 'src/probe.tsx': COUNTER.replace('return (', 'return ((') });
    await page.locator('vite-error-overlay').waitFor({ timeout: 20_000, state: 'attached' });
    await server.write(app, { 'src/probe.tsx': COUNTER.replace('first text', 'third text') });
    await page.locator('vite-error-overlay').waitFor({ timeout: 20_000, state: 'detached' });
    await page.getByText('third text').waitFor({ timeout: 20_000 });
    await page.context().close();
    await server.must('DELETE', `/v1/apps/${app}`);
  });
}

test('edits of one file that follow each other at once end in the last one', async () => {
  const app = (await server.createFromTemplate('chat-classic')).id;
  await addProbe(app, 'src/main.tsx');
  const page = await open(browser, (await server.session(app)).preview_url);
  await page.locator('#probe').waitFor();
  for (let round = 0; round < 8; round += 1) {
    for (const edit of ['a', 'b', 'c']) {
      await server.write(app, { 'src/probe.tsx': COUNTER.replace('first text', `text ${round}${edit}`) });
      // The page has seen the first edit when the second one is sent: the moment at which a watcher looks away.
      if (edit === 'a') await page.getByText(`text ${round}a`).waitFor({ timeout: 20_000 });
    }
    await page.getByText(`text ${round}c`).waitFor({ timeout: 20_000 });
  }
  await page.context().close();
  await server.must('DELETE', `/v1/apps/${app}`);
});

test('baseline-landing: shows and follows an edit', async () => {
  const app = (await server.createFromTemplate('baseline-landing')).id;
  const session = await server.session(app);
  const page = await open(browser, session.preview_url);
  const heading = page.locator('h1').first();
  await heading.waitFor();
  const index = await server.read(app, 'src/pages/index.astro');
  const files = await server.must('GET', `/v1/apps/${app}/files`);
  assert.ok(files.files['src/pages/index.astro'] && index.length > 0);
  await server.write(app, { 'src/pages/probe.astro': '<h1>first text</h1>\n' });
  // A page of its own is there once the dev server's watcher has seen it; its 404 does not reload itself.
  await until('the new page', 30_000, async () => {
    await page.goto(new URL('/probe', page.url()).href);
    return page.getByText('first text').isVisible();
  });
  await server.write(app, { 'src/pages/probe.astro': '<h1>second text</h1>\n' });
  await page.getByText('second text').waitFor({ timeout: 20_000 });
  await page.context().close();
  await server.must('DELETE', `/v1/apps/${app}`);
});

test('a dependency added by a change set can be imported', async () => {
  const app = (await server.createFromTemplate('chat-classic')).id;
  await addProbe(app, 'src/main.tsx');
  const session = await server.session(app);
  const page = await open(browser, session.preview_url);
  await page.locator('#probe').waitFor();
  const manifest = JSON.parse(await server.read(app, 'package.json'));
  manifest.dependencies['is-number'] = '7.0.0';
  await server.write(app, {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'src/probe.tsx': `import isNumber from 'is-number';\n${COUNTER.replace('first text', 'is a number: {String(isNumber(5))}')}`,
  });
  await until('the new dependency on screen', 120_000, () =>
    page.getByText('is a number: true').isVisible().catch(() => false));
  const lock = await server.read(app, 'package-lock.json');
  assert.ok(lock.includes('is-number'), 'the new lockfile is in the draft');
  assert.ok(!lock.includes('"resolved"'), 'and names no registry');
  await page.context().close();
  await server.must('DELETE', `/v1/apps/${app}`);
});
