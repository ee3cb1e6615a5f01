// Everything about code in the workspace, as a maker uses it: by keyboard alone, as axe sees it, on a phone.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe } from '../lib/axe.mjs';
import { launch } from '../lib/browser.mjs';
import { draftHas, editor, openAt, saveIs, signedIn, typeAtEnd } from '../lib/maker.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

/** What the browser itself calls a long task. */
const LONG_TASK_MS = 50;

const APP = `import { Card } from "./components/Card";

export function App() {
  return <Card title="a kettle" />;
}
`;
const CARD = `export function Card({ title }) {
    return <p className="kettle">{ title }</p>
}
`;
const STYLE = 'body {\n  color: teal;\n}\n.kettle { margin: 0 }\n';
const FILES = {
  'src/App.jsx': APP,
  'src/app.css': STYLE,
  'src/components/Card.jsx': CARD,
  'picture.png': Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]),
};

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

/** A new app, and somebody who has its main file open. */
async function workspace(query = '') {
  const { id } = await server.importZip('Kettles', staticSite('<h1>alive</h1>', FILES));
  const page = await signedIn(browser, server);
  await openAt(page, server, id, 'src/App.jsx', query);
  await saveIs(page, 'saved');
  return { app: id, page };
}

const focused = (page) => page.evaluate(() => document.activeElement?.closest('[data-testid]')?.dataset.testid);

/** Presses Tab until something with this mark has the focus. */
async function tabTo(page, mark, back = false) {
  for (let presses = 0; presses < 80; presses++) {
    if ((await focused(page)) === mark) return;
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
  }
  throw new Error(`Tab does not lead to ${mark}`);
}

/** Leaves the editor, which keeps Tab for itself until Escape. */
async function leaveEditor(page) {
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
}

async function menuItem(page, name) {
  const item = page.getByRole('menuitem', { name });
  await item.waitFor();
  for (let presses = 0; presses < 12; presses++) {
    if (await item.evaluate((element) => element === document.activeElement)) return page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
  }
  throw new Error(`the menu does not lead to ${name}`);
}

/** With `VITRINE_SHOTS`: a picture in both themes, to be looked at. */
async function shot(page, name) {
  const { VITRINE_SHOTS: directory } = process.env;
  if (!directory) return;
  await mkdir(directory, { recursive: true });
  for (const theme of ['dark', 'light']) {
    await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
    // Colours in the middle of a transition are nobody's.
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
    await page.screenshot({ path: join(directory, `code-${name}-${theme}.png`) });
  }
}

/** As axe sees it in both themes. */
async function axeBoth(page, options) {
  for (const theme of ['dark', 'light']) {
    await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
    await axe(page, options);
  }
}

test('files are made, moved, copied, deleted and brought back by keyboard alone', async () => {
  const { app, page } = await workspace();
  const tree = Object.keys(FILES).sort();
  const paths = async () => Object.keys((await server.must('GET', `/v1/apps/${app}/files`)).files).filter((path) => path !== 'index.html').sort();
  await tabTo(page, 'new-file');
  await page.keyboard.press('Enter');
  await page.keyboard.type('src/new.txt');
  await page.keyboard.press('Enter');
  await page.getByTestId('file-src/new.txt').waitFor();
  await until('the file', 10_000, async () => (await paths()).includes('src/new.txt'));

  await page.getByTestId('file-src/new.txt').focus();
  await page.keyboard.press('F2');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('moved/there.txt');
  await page.keyboard.press('Enter');
  await page.getByTestId('file-moved/there.txt').waitFor();

  await until('the focus on the row', 5_000, async () => (await focused(page))?.startsWith('file-'));
  await page.getByTestId('file-moved/there.txt').focus();
  await page.keyboard.press('Shift+F10');
  // Comes over the network when it is first asked for.
  await page.getByTestId('file-menu').waitFor();
  await axe(page, { within: '[data-testid="file-menu"]' });
  await shot(page, 'menu');
  await menuItem(page, 'Duplicate');
  await page.getByTestId('file-moved/there copy.txt').waitFor();

  await page.getByTestId('file-moved').focus();
  await page.keyboard.press('Delete');
  await until('the question', 5_000, async () => (await focused(page)) === 'confirm-delete');
  await page.keyboard.press('Enter');
  await until('the way back', 10_000, async () => (await focused(page)) === 'take-back');
  assert.deepEqual(await paths(), tree);
  await page.keyboard.press('Enter');
  await until('both files', 10_000, async () => (await paths()).length === tree.length + 2);
  // The preview in its frame is a page of its own, which says 503 while it starts.
  assert.deepEqual(page.faults.filter((fault) => !fault.includes('.preview.localhost')), []);
  await page.context().close();
});

test('a file is dragged into a folder, and its tab goes with it', async () => {
  const { app, page } = await workspace();
  await page.getByTestId('file-src/App.jsx').dragTo(page.getByTestId('file-src/components'));
  await until('the file in the folder', 10_000, async () =>
    (await server.read(app, 'src/components/App.jsx').catch(() => '')) === APP);
  await page.getByRole('tab', { name: 'App.jsx' }).waitFor();
  await editor(page).getByText('kettle').first().waitFor();
  await page.context().close();
});

test('a file and a line are opened by name', async () => {
  const { page } = await workspace();
  await page.keyboard.press('Control+P');
  await page.getByTestId('quick-open-input').waitFor();
  await page.keyboard.type('acss:4');
  await axeBoth(page, { within: '[data-testid="quick-open"]' });
  await shot(page, 'quick-open');
  await page.keyboard.press('Enter');
  await page.locator('.cm-activeLine', { hasText: '.kettle' }).waitFor();
  await until('the focus in the editor', 5_000, () => page.evaluate(() => document.activeElement?.classList.contains('cm-content')));
  await page.keyboard.press('Control+P');
  await page.getByTestId('quick-open-input').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('quick-open').waitFor({ state: 'detached' });
  await until('the focus back in the editor', 5_000, () => page.evaluate(() => document.activeElement?.classList.contains('cm-content')));
  await page.context().close();
});

test('a file is formatted beside the page, and what cannot be read is said', async () => {
  const { app, page } = await workspace();
  await page.goto(`${server.origin}/apps/${app}?view=code&file=src/components/Card.jsx`);
  await editor(page).getByText('kettle').waitFor();
  await editor(page).click();
  await page.keyboard.press('Control+Shift+F');
  await draftHas(server, app, 'src/components/Card.jsx', '  return <p className="kettle">{title}</p>;\n');
  await typeAtEnd(page, 'function (');
  await page.keyboard.press('Control+Shift+F');
  await page.getByTestId('format-outcome').getByText('Not formatted').waitFor();
  await axe(page);
  await page.context().close();
});

test('text is found in all files and replaced in one step, and back again', async () => {
  const { app, page } = await workspace();
  await page.keyboard.press('Control+Alt+F');
  await until('the search', 5_000, async () => (await focused(page)) === 'search-query');
  await page.keyboard.type('kettle');
  await page.getByTestId('search-status').getByText('3 places in 3 files').waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.cm-activeLine', { hasText: '.kettle' }).waitFor();

  await page.keyboard.press('Control+Alt+F');
  await until('the search again', 5_000, async () => (await focused(page)) === 'search-query');
  await tabTo(page, 'search-show-replace', true);
  await page.keyboard.press('Enter');
  await tabTo(page, 'replace-with');
  await page.keyboard.type('teapot');
  await page.getByTestId('search-results').locator('ins').first().waitFor();
  await axeBoth(page);
  await shot(page, 'search');
  await tabTo(page, 'replace-all');
  await page.keyboard.press('Enter');
  await page.getByTestId('replaced').waitFor();
  assert.equal(await server.read(app, 'src/App.jsx'), APP.replace('kettle', 'teapot'));
  assert.equal(await server.read(app, 'src/app.css'), STYLE.replace('kettle', 'teapot'));
  await page.getByTestId('replaced').getByRole('button').press('Enter');
  await draftHas(server, app, 'src/App.jsx', (text) => text === APP);
  assert.equal(await server.read(app, 'src/components/Card.jsx'), CARD);
  await page.context().close();
});

test('changes since a checkpoint are seen, one is discarded, and the draft goes back and forth in time', async () => {
  const { app, page } = await workspace();
  await tabTo(page, 'view-code');
  for (let presses = 0; presses < 4 && (await focused(page)) !== 'view-changes'; presses++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await tabTo(page, 'checkpoint-label');
  await page.keyboard.type('The first kettle');
  await page.keyboard.press('Enter');
  await page.getByTestId('timeline').getByText('The first kettle').waitFor();
  await page.getByTestId('no-changes').waitFor();

  await server.write(app, { 'src/App.jsx': APP.replace('kettle', 'samovar'), 'src/app.css': `${STYLE}p { margin: 0 }\n` });
  await page.getByTestId('changed-src/App.jsx').waitFor();
  await page.getByTestId('diff').getByText('samovar').waitFor();
  await axeBoth(page);
  await shot(page, 'changes');
  await tabTo(page, 'changed-src/App.jsx');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await tabTo(page, 'discard');
  await page.keyboard.press('Enter');
  await until('the question', 5_000, async () => (await focused(page)) === 'discard-yes');
  await page.keyboard.press('Enter');
  await draftHas(server, app, 'src/app.css', (text) => text === STYLE);
  await page.getByTestId('discard-undo').press('Enter');
  await draftHas(server, app, 'src/app.css', 'p { margin: 0 }');

  await page.keyboard.press('Control+Alt+Z');
  await draftHas(server, app, 'src/App.jsx', (text) => text === APP);
  await page.keyboard.press('Control+Alt+Y');
  await draftHas(server, app, 'src/App.jsx', 'samovar');

  // What is there now, and in no checkpoint, is kept before the way back.
  await server.write(app, { 'src/kept.txt': 'kept' });
  await page.getByRole('button', { name: 'Actions for The first kettle' }).press('Enter');
  await menuItem(page, 'Go back to it');
  await until('the question', 5_000, async () => (await focused(page)) === 'restore-yes');
  await page.keyboard.press('Enter');
  await draftHas(server, app, 'src/App.jsx', (text) => text === APP);
  await page.getByTestId('timeline').getByText('Before going back to The first kettle').waitFor();
  await page.context().close();
});

test('what would break the app is marked where it is', async () => {
  const { app, page } = await workspace();
  await server.write(app, {
    'index.html': '<!doctype html><title>Kettles</title><script type="module" src="/src/broken.js"></script>',
    'src/broken.js': 'import "./nowhere.js";\n',
  });
  await page.locator('[data-testid="side-problems"]:not([data-tone="none"])').waitFor();
  await page.goto(`${server.origin}/apps/${app}?view=code&file=src/broken.js`);
  await page.locator('.cm-lint-marker').first().waitFor();
  await axe(page);
  await page.context().close();
});

test('a file that is no text says so, and can be had', async () => {
  const { page } = await workspace();
  await page.getByTestId('file-picture.png').click();
  await page.getByText('No text to edit').waitFor();
  await axe(page);
  await page.context().close();
});

test('every part of the workspace is as axe wants it, side by side too', async () => {
  const { page } = await workspace('&site=');
  await axeBoth(page);
  await shot(page, 'code');
  await page.getByTestId('view-both').click();
  await axeBoth(page);
  await shot(page, 'both');
  await page.getByTestId('view-settings').click();
  await page.getByTestId('settings-panel').waitFor();
  await axe(page);
  await page.context().close();
});

test('F6 leads around the parts of the page', async () => {
  const { page } = await workspace();
  const region = () => page.evaluate(() => document.activeElement?.closest('[data-region]')?.dataset.region);
  const seen = new Set();
  for (let presses = 0; presses < 4; presses++) {
    await page.keyboard.press('F6');
    seen.add(await region());
  }
  assert.deepEqual([...seen].sort(), ['side', 'stage', 'top']);
  await editor(page).click();
  await leaveEditor(page);
  assert.equal(await page.evaluate(() => document.activeElement?.classList.contains('cm-content')), false);
  await page.context().close();
});

test('on a phone the preview is a sheet over what it is about', async () => {
  const { page } = await workspace();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(page.url().replace('view=code&', ''));
  const handle = page.getByTestId('sheet-handle');
  await handle.waitFor();
  await shot(page, 'phone-preview');
  await handle.press('ArrowDown');
  await editor(page).waitFor();
  await axeBoth(page);
  await shot(page, 'phone-half');
  await handle.press('ArrowDown');
  for (const panel of ['files', 'changes', 'code']) {
    await page.getByTestId(`panel-${panel}`).click();
    await axe(page);
    await shot(page, `phone-${panel}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `nothing of ${panel} is beside the screen`);
  }
  await page.getByTestId('panel-more').click();
  await page.getByTestId('panel-search').click();
  await page.getByTestId('search-query').waitFor();
  await axe(page);
  await page.context().close();
});

test('typing in three thousand lines never holds the page up', async () => {
  const lines = Array.from({ length: 3_000 }, (_, index) => `export const value${index} = () => <Card title="${index}" />;`);
  const { app, page } = await workspace();
  await server.write(app, { 'src/large.jsx': lines.join('\n') });
  await openAt(page, server, app, 'src/large.jsx');
  await page.locator('.cm-line', { hasText: 'value0 ' }).waitFor();
  await editor(page).click();
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', 'toplevel', '__metadata'] });
  await page.keyboard.type('// a sentence that somebody types at a brisk pace, key after key', { delay: 30 });
  await saveIs(page, 'saved');
  const longest = longestTask(JSON.parse(String(await browser.stopTracing())).traceEvents);
  assert.ok(longest > 0, 'the tasks of the page were seen');
  assert.ok(longest < LONG_TASK_MS, `a task of ${longest.toFixed(1)} ms while typing`);
  await page.context().close();
});

/** The most processor time that one task of a page's main thread took: what else the machine does is not the page's fault. */
function longestTask(events) {
  const main = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = events.filter(({ name, pid, tid, tdur }) => name.endsWith('RunTask') && tdur !== undefined && main.has(`${pid} ${tid}`));
  return tasks.reduce((most, { tdur }) => Math.max(most, tdur / 1000), 0);
}
