// A real Chromium, without anything that talks to the internet on its own.
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A page that the tests answer themselves counts as one from the internet, which may not frame a local preview.
      ...(process.env.VITRINE_PAGE_DIR ? ['--disable-features=LocalNetworkAccessChecks'] : []),
    ],
  });
}

/** Opens a page that collects what goes wrong in it. */
export async function open(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const { VITRINE_PAGE_DIR: directory } = process.env;
  if (directory) await serveBuilderFrom(directory, context, new URL(url).origin);
  return openIn(context, url);
}

/** As `open`, beside what is open already: with the same cookies. */
export async function openIn(context, url) {
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.faults.push(`${message.text()} (${message.location().url})`);
  });
  await page.goto(url);
  if (process.env.VITRINE_PAGE_DIR) {
    // What a redirect led to was not exchanged.
    await page.reload();
    page.faults.length = 0;
  }
  return page;
}

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

/**
 * Another build of the builder page (`web/dist`) than the one in the binary, so that a change to the page is tried without
 * building the server. Everything else, the page's headers too, comes from the server.
 */
async function serveBuilderFrom(directory, context, origin) {
  await context.route(
    (url) => url.origin === origin && url.pathname.startsWith('/assets/'),
    async (route) => {
      const path = normalize(new URL(route.request().url()).pathname);
      const body = await readFile(join(directory, path)).catch(() => undefined);
      if (body === undefined) await route.continue();
      else await route.fulfill({ body, contentType: TYPES[extname(path)] ?? 'application/octet-stream' });
    },
  );
  await context.route(
    (url) => url.origin === origin && /^\/($|apps\/|machine$|settings(\/|$))/.test(url.pathname),
    async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: await readFile(join(directory, 'index.html')) });
    },
  );
}
