// What a maker does by hand in an app's workspace.

/** Opens a file by its folders, as far as they are closed. */
export async function openFile(page, path) {
  const parts = path.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const row = page.getByTestId(`file-${parts.slice(0, depth).join('/')}`);
    await row.waitFor();
    const isFile = depth === parts.length;
    if (isFile || (await row.getAttribute('aria-expanded')) === 'false') await row.click();
  }
}

/** Replaces the line that contains `before`, by hand. */
export async function editLine(page, before, after) {
  await page.getByTestId('editor').locator('.cm-line', { hasText: before }).first().click();
  await page.keyboard.press('End');
  await page.keyboard.press('Shift+Home');
  await page.keyboard.insertText(after);
  await page.getByTestId('editor').locator('.cm-line', { hasText: after.trim() }).first().waitFor();
}
