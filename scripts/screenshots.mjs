// Takes the README's pictures from the running product: node scripts/screenshots.mjs SIGN_IN_URL
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { launch, open } = await import(`${root}/e2e/lib/browser.mjs`);

const browser = await launch();
const page = await open(browser, process.argv[2]);
await page.emulateMedia({ colorScheme: 'light' });
await page.setViewportSize({ width: 1440, height: 900 });
await page.getByTestId('template-chat-soft').waitFor();
mkdirSync(`${root}/docs/images`, { recursive: true });
await page.screenshot({ path: `${root}/docs/images/home.png` });
await page.getByTestId('template-chat-soft').click();
await page.getByTestId('create-app').click();
await page.locator('[data-testid="session-status"][data-status="running"]').first().waitFor({ timeout: 240_000 });
await page.frameLocator('[data-testid="preview"]').locator('h1, h2').first().waitFor();
await page.getByTestId('file-src/App.tsx').click();
await page.getByTestId('editor').locator('.cm-content').waitFor();
await page.getByTestId('publish').click();
await page.locator('[data-testid="publish-headline"][data-status="succeeded"]').waitFor({ timeout: 240_000 });
await page.locator('[data-testid="ribbon"][data-state="live"]').getByText('up to date').waitFor();
// Away from the button, which shows that the pointer is over it.
await page.mouse.move(0, 899);
await page.screenshot({ path: `${root}/docs/images/builder.png` });
await browser.close();
