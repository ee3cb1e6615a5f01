// No dev server can run: the preview shows a static build of the draft, and a newer one after an edit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Server } from '../lib/server.mjs';
import { editLine, openFile } from '../lib/workspace.mjs';

/** A build on a busy machine with two cores. */
const BUILD_MS = 240_000;

let server;
let browser;

before(async () => {
  // Too little memory for any dev server, and enough for builds.
  const environment = {
    VITRINE_PUBLISH_PREBUILD_TEMPLATES: 'false',
    VITRINE_SANDBOX_MEMORY_MIB: '48',
    VITRINE_SANDBOX_MEMORY_MAX_MIB: '48',
  };
  server = await Server.start({ environment });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

test('where no dev server can run, a static build of the draft is shown', async () => {
  const page = await open(browser, server.signInUrl);
  page.setDefaultTimeout(BUILD_MS);
  await page.getByTestId('template-chat-soft').click();
  await page.getByTestId('create-app').click();
  const shown = page.frameLocator('[data-testid="static-preview"]');
  await shown.getByText('your kitchen companion').first().waitFor();
  const app = new URL(page.url()).pathname.split('/').at(-1);
  const { code } = (await server.must('GET', `/v1/apps/${app}/session`)).error;
  assert.equal(code, 'sandbox_limit');

  await openFile(page, 'src/components/Header.tsx');
  await editLine(page, 'your kitchen companion', '<p>built without a dev server</p>');
  await shown.getByText('built without a dev server').first().waitFor();
});
