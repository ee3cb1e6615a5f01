// Takes the README's picture from the running product: node scripts/screenshots.mjs SIGN_IN_URL
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { launch } = await import(`${root}/e2e/lib/browser.mjs`);

const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
const page = await context.newPage();
await page.goto(process.argv[2]);
await page.getByTestId('template-chat-soft').waitFor();
mkdirSync(`${root}/docs/images`, { recursive: true });
await page.screenshot({ path: `${root}/docs/images/home.png` });
await page.getByTestId('template-chat-soft').click();
await page.getByTestId('create-app').click();
await page.locator('[data-testid="session-status"][data-status="running"]').first().waitFor({ timeout: 240_000 });
await page.frameLocator('[data-testid="preview"]').locator('h1, h2').first().waitFor();
await page.getByTestId('file-src/App.tsx').click();
await page.getByTestId('editor').locator('.cm-content').waitFor();
await page.waitForLoadState('networkidle').catch(() => undefined);
await page.screenshot({ path: `${root}/docs/images/builder.png` });
await browser.close();
