// A maker at an app's workspace: opens it, types, and waits until the page says that everything is safe.
import { open } from './browser.mjs';
import { ADMIN_KEY, until } from './server.mjs';

const SCREEN_MS = 30_000;

/** A browser of its own, signed in: another person, or the same one elsewhere. */
export async function signedIn(browser, server) {
  const page = await open(browser, server.origin);
  const answer = await page.request.post(`${server.origin}/v1/sign-in`, {
    data: { key: ADMIN_KEY },
    headers: { origin: server.origin },
  });
  if (!answer.ok()) throw new Error(`not signed in: ${answer.status()} ${await answer.text()}`);
  page.faults.length = 0;
  return page;
}

/** Opens a file of an app in the editor. */
export async function openAt(page, server, app, path, query = '') {
  page.setDefaultTimeout(SCREEN_MS);
  await page.goto(`${server.origin}/apps/${app}?view=code&file=${encodeURIComponent(path)}${query}`);
  // In a conflict it is the one that both versions are in.
  await page.locator('.cm-content:visible').first().waitFor();
}

export const editor = (page) => page.getByTestId('editor').locator('.cm-content');

/** Types at the end of the file, key by key. */
export async function typeAtEnd(page, text) {
  await editor(page).click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(text);
}

/** Waits for what the page says about saving: `saved`, `offline`, `conflict`, … */
export function saveIs(page, state, timeoutMs = SCREEN_MS) {
  return page.locator(`[data-testid="save-state"][data-state="${state}"]`).waitFor({ timeout: timeoutMs });
}

/** Waits until the draft on the server has a file whose text is as asked. */
export function draftHas(server, app, path, isRight, timeoutMs = SCREEN_MS) {
  const what = typeof isRight === 'string' ? `${isRight} in ${path}` : path;
  const test = typeof isRight === 'string' ? (text) => text.includes(isRight) : isRight;
  return until(what, timeoutMs, async () => test(await server.read(app, path).catch(() => '')));
}
