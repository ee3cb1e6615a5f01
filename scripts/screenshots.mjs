// Takes the pictures of the README and the docs from the real product: `make pictures`, or
// `node scripts/screenshots.mjs [SIGN_IN_URL]` for a server that runs already.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { launch, open } = await import(`${root}/e2e/lib/browser.mjs`);
const { Server } = await import(`${root}/e2e/lib/server.mjs`);

const START_MS = 240_000;
const [SCREEN, PHONE] = [{ width: 1440, height: 900 }, { width: 390, height: 844 }];

const server = process.argv[2] ? undefined : await Server.start();
const browser = await launch();
const page = await open(browser, process.argv[2] ?? server.signInUrl);
mkdirSync(`${root}/docs/images`, { recursive: true });

async function picture(name) {
  // Away from whatever shows that the pointer is over it.
  await page.mouse.move(0, page.viewportSize().height - 1);
  await page.screenshot({ path: `${root}/docs/images/${name}.png` });
  console.log(`docs/images/${name}.png`);
}

await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
await page.setViewportSize(SCREEN);
await page.getByTestId('template-chat-soft').waitFor();
const offer = page.getByTestId('first-run').getByRole('button', { name: 'Not now' });
if (await offer.count() > 0) await offer.click();
await page.waitForLoadState('networkidle');
await picture('home');

await page.getByTestId('template-chat-soft').click();
await page.getByTestId('create-app').click();
await page.locator('[data-testid="session-status"][data-status="running"]').first().waitFor({ timeout: START_MS });
const preview = page.frameLocator('[data-testid="preview"]');
await preview.locator('h1, h2').first().waitFor();
await page.getByTestId('file-src/App.tsx').click();
await page.getByTestId('editor').locator('.cm-content').waitFor();
await page.getByTestId('publish').click();
await page.locator('[data-testid="publish-headline"][data-status="succeeded"]').waitFor({ timeout: START_MS });
await page.locator('[data-testid="ribbon"][data-state="live"]').getByText('up to date').waitFor();
await picture('builder');

const workspace = new URL(page.url());
workspace.search = '';
await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
await page.goto(workspace.href);
await preview.locator('h1, h2').first().waitFor({ timeout: START_MS });
await page.keyboard.press('Control+k');
await page.getByRole('dialog').waitFor();
await picture('commands');

await page.keyboard.press('Escape');
await page.setViewportSize(PHONE);
await page.goto(workspace.href);
await preview.locator('h1, h2').first().waitFor({ timeout: START_MS });
await picture('phone');
await browser.close();
await server?.remove();
