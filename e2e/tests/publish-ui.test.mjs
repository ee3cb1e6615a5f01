// Publishing as a maker does it in the builder page: publish, look, publish again, go back, take down, mend what is broken.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, openIn } from '../lib/browser.mjs';
import { Server, until } from '../lib/server.mjs';
import { editLine, openFile } from '../lib/workspace.mjs';

/** A build on a busy machine with two cores. */
const BUILD_MS = 240_000;
const SCREEN_MS = 30_000;
const HEADER = 'src/components/Header.tsx';
const TAGLINE = 'your kitchen companion';

let server;
let browser;
/** Signed in by the link of the ready line, which works once. */
let home;

before(async () => {
  server = await Server.start({ environment: { VITRINE_PUBLISH_PREBUILD_TEMPLATES: 'false' } });
  browser = await launch();
  home = await open(browser, server.signInUrl);
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

/** Makes an app in a tab of its own; answers the page with the app's id. */
async function makeApp() {
  const page = await openIn(home.context(), server.origin);
  page.setDefaultTimeout(SCREEN_MS);
  await page.getByTestId('template-chat-soft').click();
  await page.getByTestId('create-app').click();
  await page.getByTestId('publish').waitFor();
  return { page, app: new URL(page.url()).pathname.split('/').at(-1) };
}

const tagline = (words) => `<p className="text-sm text-muted">${words}</p>`;

/** Presses Publish and waits for the end of that publish; answers its headline. */
async function publish(page) {
  const before = await newest(page);
  await page.getByTestId('publish').click();
  await until('a new publish', SCREEN_MS, async () => (await newest(page)) !== before);
  const headline = page.getByTestId('publish-headline');
  await until('the end of the publish', BUILD_MS, async () => {
    if ((await headline.count()) === 0) return false;
    return ['succeeded', 'failed'].includes(await headline.getAttribute('data-status'));
  });
  return headline;
}

async function newest(page) {
  const app = new URL(page.url()).pathname.split('/').at(-1);
  return (await server.must('GET', `/v1/apps/${app}/publishes?limit=1`)).items[0]?.id;
}

/** Follows a link that opens a new tab. */
async function follow(page, link) {
  const [tab] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
  tab.setDefaultTimeout(SCREEN_MS);
  return tab;
}

test('a maker publishes, edits, publishes again, goes back and takes the site down', async () => {
  const { page } = await makeApp();
  assert.equal(await page.getByTestId('ribbon').getAttribute('data-state'), 'none');
  await openFile(page, HEADER);
  await editLine(page, TAGLINE, tagline('the first words'));
  assert.match(await (await publish(page)).innerText(), /^Published in [\d.]+ (ms|s)$/);
  const steps = page.getByTestId('publish-steps').locator('li');
  assert.deepEqual(
    await steps.evaluateAll((rows) => rows.map(({ dataset }) => `${dataset.step} ${dataset.status}`)),
    ['check', 'toolchain', 'layer', 'build', 'pack', 'upload', 'verify', 'switch'].map((step) => `${step} done`),
  );
  assert.match(await steps.filter({ hasText: 'Build' }).innerText(), /\d (ms|s)/, 'the build says how long it took');

  const site = await follow(page, page.getByTestId('site-link'));
  await site.getByText('the first words').waitFor();
  await page.getByTestId('ribbon').getByText('up to date').waitFor();

  await editLine(page, 'the first words', tagline('the second words'));
  await page.getByTestId('ribbon').getByText('draft 1 ahead').waitFor();
  assert.equal(await (await publish(page)).getAttribute('data-status'), 'succeeded');
  await site.reload();
  await site.getByText('the second words').waitFor();

  await page.getByTestId('site-tab-history').click();
  await page.getByRole('button', { name: 'Make r1 live' }).click();
  await page.getByTestId('release-3').getByText('made live again').waitFor();
  await site.reload();
  await site.getByText('the first words').waitFor();
  const kept = await follow(page, page.getByTestId('release-2').getByRole('link'));
  await kept.getByText('the second words').waitFor();

  await page.getByTestId('unpublish').click();
  await page.getByTestId('unpublish-confirm').click();
  await page.locator('[data-testid="ribbon"][data-state="none"]').waitFor();
  assert.equal((await site.reload()).status(), 404);
  await site.getByText('This app is not published').first().waitFor();
  // The preview in its frame is a page of its own, which says 503 while it starts.
  const faults = page.faults.filter((fault) => !fault.includes('.preview.localhost'));
  assert.deepEqual(faults, [], 'nothing goes wrong in the builder page');
  await page.close();
});

test('a broken file fails the publish, is opened where it is broken, and is published once mended', async () => {
  const { page, app } = await makeApp();
  await openFile(page, HEADER);
  await editLine(page, TAGLINE, tagline('before the fault'));
  await publish(page);
  const site = await follow(page, page.getByTestId('site-link'));
  await site.getByText('before the fault').waitFor();

  await editLine(page, 'before the fault', '<p className=>broken</p>');
  assert.equal(await (await publish(page)).getAttribute('data-status'), 'failed');
  const place = page.getByTestId('publish-failure').getByRole('button', { name: new RegExp(`^${HEADER}:\\d+$`) });
  const line = Number((await place.first().innerText()).split(':')[1]);
  const text = await server.read(app, HEADER);
  assert.match(text.split('\n')[line - 1], /broken/, 'the line is the broken one');
  await site.reload();
  await site.getByText('before the fault').waitFor();

  // From another file, so that the way back is seen.
  await openFile(page, 'src/App.tsx');
  await page.getByTestId('editor').locator('.cm-line', { hasText: 'Header' }).first().waitFor();
  await page.getByTestId('publish-remedy').first().click();
  await page.getByTestId('editor').locator('.cm-activeLine', { hasText: 'broken' }).waitFor();
  await editLine(page, 'broken', tagline('after the fault'));
  assert.equal(await (await publish(page)).getAttribute('data-status'), 'succeeded');
  await site.reload();
  await site.getByText('after the fault').waitFor();
  await page.close();
});

test('a preview build is seen by its link alone, and a failed one leaves the link to the last good one', async () => {
  const { page } = await makeApp();
  await openFile(page, HEADER);
  await editLine(page, TAGLINE, tagline('for my eyes'));
  await page.getByTestId('toggle-site').click();
  await page.getByTestId('site-tab-publish').click();
  const opened = page.context().waitForEvent('page', { timeout: BUILD_MS });
  await page.getByTestId('preview-build-run').click();
  const link = page.getByTestId('preview-build-link');
  await link.waitFor({ timeout: BUILD_MS });
  await (await opened).getByText('for my eyes').waitFor();
  await (await follow(page, link)).getByText('for my eyes').waitFor();
  assert.equal(await page.getByTestId('ribbon').getAttribute('data-state'), 'none', 'strangers see nothing of it');

  await editLine(page, 'for my eyes', '<p className=>broken</p>');
  await page.getByTestId('preview-build-run').click();
  await page.getByTestId('preview-build').getByTestId('publish-failure').waitFor({ timeout: BUILD_MS });
  await (await follow(page, link)).getByText('for my eyes').waitFor();
  await page.close();
});
