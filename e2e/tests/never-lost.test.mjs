// Nothing that was typed is lost: not by a conflict, an offline minute, a server that restarts, a sandbox that dies, a tab
// that is closed. And two people see what the other one does.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch } from '../lib/browser.mjs';
import { draftHas, editor, openAt, saveIs, signedIn, typeAtEnd } from '../lib/maker.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

const NOTES = 'notes.txt';
const LINES = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join('\n') + '\n';

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

/** An app, and somebody who has its notes open. */
async function atNotes() {
  const { id } = await server.importZip('Notes', staticSite('<h1>alive</h1>', { [NOTES]: LINES }));
  const page = await signedIn(browser, server);
  await openAt(page, server, id, NOTES);
  await editor(page).getByText('line 12').waitFor();
  await saveIs(page, 'saved');
  return { app: id, page };
}

/** A page of the same browser, with what the browser has kept. */
async function another(page, app) {
  const next = await page.context().newPage();
  next.setDefaultTimeout(30_000);
  await openAt(next, server, app, NOTES);
  return next;
}

const notes = (app) => server.read(app, NOTES);

test('what is typed while somebody else writes the same line is shown beside theirs, and both can be kept', async () => {
  const { app, page } = await atNotes();
  await page.context().setOffline(true);
  await typeAtEnd(page, 'mine, typed offline');
  await saveIs(page, 'offline');
  await server.write(app, { [NOTES]: `${LINES}theirs\n` });
  await page.context().setOffline(false);
  const both = page.getByTestId('conflict-view');
  await both.waitFor();
  await both.getByText('mine, typed offline').waitFor();
  await both.getByText('theirs').waitFor();
  assert.equal(await notes(app), `${LINES}theirs\n`, 'nothing is decided without the person');
  // Typing goes on beside the conflict.
  await both.locator('.cm-content').last().click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(' and on');
  await page.getByTestId('keep-both').click();
  await draftHas(server, app, 'notes copy.txt', 'mine, typed offline and on');
  assert.equal(await notes(app), `${LINES}theirs\n`);
  await saveIs(page, 'saved');
  await page.context().close();
});

test('a conflict that is left open outlives a reload, and ends as the person says', async () => {
  const { app, page } = await atNotes();
  await page.context().setOffline(true);
  await typeAtEnd(page, 'mine');
  await server.write(app, { [NOTES]: `${LINES}theirs\n` });
  await page.context().setOffline(false);
  await page.getByTestId('conflict-view').waitFor();
  await page.reload();
  await page.getByTestId('conflict-view').getByText('mine').waitFor();
  await page.getByTestId('keep-mine').click();
  await draftHas(server, app, NOTES, (text) => text === `${LINES}mine`);
  await saveIs(page, 'saved');
  await page.context().close();
});

test('two people at different places of one file both keep what they wrote, without being asked', async () => {
  const { app, page } = await atNotes();
  await page.context().setOffline(true);
  await typeAtEnd(page, 'at the end');
  await server.write(app, { [NOTES]: `at the top\n${LINES}` });
  await page.context().setOffline(false);
  await draftHas(server, app, NOTES, (text) => text === `at the top\n${LINES}at the end`);
  await editor(page).getByText('at the top').waitFor();
  assert.equal(await page.getByTestId('conflict-view').count(), 0);
  await page.context().close();
});

test('a minute offline loses nothing, and the way back needs nobody', async () => {
  const { app, page } = await atNotes();
  await page.clock.install();
  await page.context().setOffline(true);
  await typeAtEnd(page, 'first, ');
  await saveIs(page, 'offline');
  await page.clock.fastForward('01:00');
  await page.keyboard.type('and a minute later');
  await saveIs(page, 'offline');
  assert.equal(await notes(app), LINES);
  await page.context().setOffline(false);
  await page.clock.runFor(15_000);
  await page.clock.resume();
  await draftHas(server, app, NOTES, 'first, and a minute later');
  await saveIs(page, 'saved');
  await page.context().close();
});

test('a server that is killed and comes back has everything that was typed meanwhile', async () => {
  const { app, page } = await atNotes();
  await typeAtEnd(page, 'before, ');
  await server.killHard();
  await page.keyboard.type('during, ');
  await saveIs(page, 'offline');
  await server.restart();
  await page.keyboard.type('after');
  await draftHas(server, app, NOTES, 'before, during, after', 60_000);
  await saveIs(page, 'saved');
  await page.context().close();
});

test('a sandbox that dies in the middle of typing takes nothing with it', async () => {
  const { app, page } = await atNotes();
  await server.sessionIs(app, 'running', 120_000);
  await typeAtEnd(page, 'before the end, ');
  for (const pid of childrenOf(server.pid)) kill(pid);
  await page.keyboard.type('and after it');
  await draftHas(server, app, NOTES, 'before the end, and after it');
  await saveIs(page, 'saved');
  assert.match(await editor(page).innerText(), /before the end, and after it/);
  await page.context().close();
});

test('a tab that is closed before it could save brings its text back when it is opened again', async () => {
  const { app, page } = await atNotes();
  await page.context().setOffline(true);
  await typeAtEnd(page, 'typed and closed');
  await saveIs(page, 'offline');
  await page.close();
  assert.equal(await notes(app), LINES);
  await page.context().setOffline(false);
  const next = await another(page, app);
  await next.getByTestId('restored').getByText(NOTES).first().waitFor();
  await editor(next).getByText('typed and closed').waitFor();
  await draftHas(server, app, NOTES, 'typed and closed');
  await next.getByTestId('restored-drop').click();
  await draftHas(server, app, NOTES, (text) => text === LINES);
  await next.context().close();
});

test('a tab that crashes in the middle of a word brings it back', async () => {
  const { app, page } = await atNotes();
  const context = page.context();
  await context.route('**/changes', (route) => route.abort());
  await typeAtEnd(page, 'half a wo');
  await keeps(page, 'half a wo');
  const crashed = page.waitForEvent('crash');
  await page.goto('chrome://crash').catch(() => undefined);
  await crashed;
  // What is left of it would have to agree.
  await page.close();
  await context.unroute('**/changes');
  const next = await another(page, app);
  await draftHas(server, app, NOTES, 'half a wo');
  await editor(next).getByText('half a wo').waitFor();
  await next.context().close();
});

test('what comes back is never put over something newer', async () => {
  const { app, page } = await atNotes();
  await page.context().setOffline(true);
  await typeAtEnd(page, 'mine, from before');
  await saveIs(page, 'offline');
  await page.close();
  await server.write(app, { [NOTES]: `${LINES}newer\n` });
  await page.context().setOffline(false);
  const next = await another(page, app);
  const both = next.getByTestId('conflict-view');
  await both.getByText('mine, from before').waitFor();
  await both.getByText('newer').waitFor();
  assert.equal(await notes(app), `${LINES}newer\n`);
  await next.context().close();
});

test('two people see what the other one types, and where the other one is', async () => {
  const { app, page } = await atNotes();
  const other = await signedIn(browser, server);
  await openAt(other, server, app, 'index.html');
  await page.getByTestId('people').getByRole('button').first().waitFor();
  await page.getByTestId('file-index.html').getByTestId('people-here').waitFor();
  await other.getByTestId('file-notes.txt').getByTestId('people-here').waitFor();
  const typed = Date.now();
  await typeAtEnd(page, 'seen at once');
  await other.getByTestId('file-notes.txt').click();
  await editor(other).getByText('seen at once').waitFor();
  await typeAtEnd(page, ', and again');
  await editor(other).getByText('seen at once, and again').waitFor();
  // Well below the pace of asking now and then.
  assert.ok(Date.now() - typed < 8_000, 'it comes by the channel');
  await page.getByTestId('people').getByRole('button').first().waitFor();
  await other.context().close();
  await page.getByTestId('people').waitFor({ state: 'detached' });
  await page.context().close();
});

/** Waits until the browser keeps the text, whatever becomes of the page. */
function keeps(page, text) {
  return until(`the browser to keep “${text}”`, 10_000, () =>
    page.evaluate(
      (wanted) =>
        new Promise((answer) => {
          const opening = indexedDB.open('vitrine-journal');
          opening.onerror = () => answer(false);
          opening.onsuccess = () => {
            const all = opening.result.transaction('texts').objectStore('texts').getAll();
            all.onsuccess = () => answer(all.result.some((entry) => entry.text.includes(wanted)));
          };
        }),
      text,
    ));
}

/** The processes that the server itself has started. */
function childrenOf(parent) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      // The name may have spaces and brackets in it; what follows the last bracket does not.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
      return Number(fields[1]) === parent;
    } catch {
      return false;
    }
  });
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
