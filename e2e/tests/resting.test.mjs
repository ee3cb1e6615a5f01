// A tab that is left open while its preview is frozen, taken down and started again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { get } from '../lib/http.mjs';
import { Server, until } from '../lib/server.mjs';

let server;
let browser;

before(async () => {
  server = await Server.startInstalled('foundation', {
    environment: {
      VITRINE_SESSIONS_FREEZE_AFTER_SECS: '2',
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

const counter = (heading) => `import { useState } from 'react';

export function App() {
  const [count, setCount] = useState(0);
  return (
    <main>
      <h1>{'${heading}'}</h1>
      <button onClick={() => setCount(count + 1)}>count {count}</button>
    </main>
  );
}
`;

test('an open tab keeps its state through a freeze, and shows the newest draft after every sleep', async () => {
  const app = (await server.createFromTemplate('foundation')).id;
  await server.write(app, { 'src/App.tsx': counter('first') });
  const session = await server.session(app);
  const page = await open(browser, session.preview_url);
  await page.getByRole('heading', { name: 'first' }).waitFor();
  await page.evaluate(() => { window.notReloaded = true; });
  const button = page.getByRole('button', { name: /count/ });
  for (let click = 0; click < 3; click++) await button.click();
  await page.getByText('count 3').waitFor();

  await server.sessionIs(app, 'frozen', 20_000);
  await button.click();
  await page.getByText('count 4').waitFor();
  await server.sessionIs(app, 'frozen', 1_000);
  await server.write(app, { 'src/App.tsx': counter('second') });
  await page.getByRole('heading', { name: 'second' }).waitFor({ timeout: 20_000 });
  await page.getByText('count 4').waitFor();
  assert.equal(await page.evaluate(() => window.notReloaded), true, 'the edit came by hot module replacement');

  await server.sessionIs(app, 'frozen', 20_000);
  const status = await page.evaluate(async () => (await fetch('/src/App.tsx')).status);
  assert.equal(status, 200, 'a request wakes it');
  await server.sessionIs(app, 'running', 1_000);

  await server.sessionIs(app, 'hibernated', 40_000);
  await page.getByRole('heading', { name: 'second' }).waitFor();
  await server.write(app, { 'src/App.tsx': counter('third') });
  const other = await open(browser, (await server.must('PUT', `/v1/apps/${app}/session`)).preview_url);
  await other.getByRole('heading', { name: 'third' }).waitFor({ timeout: 60_000 });
  await page.getByRole('heading', { name: 'third' }).waitFor({ timeout: 20_000 });
  await other.close();

  await server.sessionIs(app, 'hibernated', 40_000);
  await page.reload();
  await page.getByRole('heading', { name: 'third' }).waitFor({ timeout: 60_000 });
  await server.sessionIs(app, 'running', 1_000);
});

test('many who come to a hibernated session are served by one start, and none of them twice', async () => {
  const app = (await server.createFromTemplate('foundation')).id;
  const session = await server.session(app);
  const page = await open(browser, session.preview_url);
  const [{ name, value }] = await page.context().cookies();
  const origin = new URL(session.preview_url).origin;
  const headers = { cookie: `${name}=${value}`, accept: 'text/html', 'sec-fetch-mode': 'cors' };
  await page.close();
  await server.sessionIs(app, 'hibernated', 40_000);
  const answers = await Promise.all(Array.from({ length: 200 }, () => get(`${origin}/`, { headers })));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const now = await server.must('GET', `/v1/apps/${app}/session`);
  assert.equal(now.restarts, 0);
});

test('a killed server leaves asleep what was asleep, and the next request brings it back', async () => {
  const app = (await server.createFromTemplate('foundation')).id;
  await server.write(app, { 'src/App.tsx': counter('before') });
  const session = await server.session(app);
  const page = await open(browser, session.preview_url);
  await page.getByRole('heading', { name: 'before' }).waitFor();
  await server.sessionIs(app, 'frozen', 20_000);
  // What the preview does is known a moment before it is written down, which is all that the next server knows.
  await until('that to be written down', 10_000, async () => {
    const { sessions, sandboxes } = await server.must('GET', '/v1/machine');
    return sandboxes.frozen > 0 && sessions.frozen === sandboxes.frozen;
  });
  await server.killHard();
  await server.restart();
  await until('the frozen one to be at rest', 10_000, async () => {
    const { status } = await server.must('GET', `/v1/apps/${app}/session`);
    return status === 'hibernated';
  });
  await page.reload();
  await page.getByRole('heading', { name: 'before' }).waitFor({ timeout: 60_000 });
});
