// Pages that mean harm: a preview inside the builder, and a published app on its own and in a frame, with a person in
// the same browser who is signed in. Every attempt is asserted by what it saw, and the builder works afterwards.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { CALLING, FRAME, NEIGHBOURS, READING, tryAll } from '../lib/attempts.mjs';
import { launch, open, openIn } from '../lib/browser.mjs';
import { get } from '../lib/http.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

let server;
let browser;
let victim;
let outside;

before(async () => {
  server = await Server.start();
  browser = await launch();
  victim = await victimOf(server);
  outside = await listener();
});

after(async () => {
  await browser?.close();
  await server?.remove();
  outside?.server.close();
});

/** Somebody else's app, with a session and a published site that keep something. */
async function victimOf(server) {
  const page = "<h1 id='private'>private</h1><script>document.cookie = 'victim=1; path=/'; localStorage.setItem('victim', '1')</script>";
  const { id } = await server.importZip('Victim', staticSite(page));
  const session = await server.session(id);
  const { site_url: site } = await server.mustPublish(id);
  return { id, session, preview: `${new URL(session.preview_url).origin}/`, site };
}

/** A server that is none of ours: what it is told of referrers, and pages that frame others. */
async function listener() {
  const referrers = [];
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    referrers.push([pathname, request.headers.referer ?? '']);
    const frame = searchParams.get('frame');
    // What is fetched blindly has to be of a kind that browsers hand over, or the request itself seems to fail.
    response.setHeader('content-type', request.headers['sec-fetch-dest'] === 'empty' ? 'text/javascript' : 'text/html');
    response.end(frame ? `<title>outside</title><iframe id="frame" src="${frame}"></iframe>` : '<title>outside</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, referrers, origin: `http://outside.localhost:${server.address().port}` };
}

/** The builder with an app open, and its preview's frame once it shows `selector`, which must be the app's own: the page that
 * waits for a session has a heading too, and a policy under which every attempt would fail. */
async function builderOn(app, selector) {
  const page = await open(browser, server.signInUrl.replace(/code=.*/, 'code=none'));
  await page.getByTestId('sign-in-otherwise').click();
  await page.locator('input').first().fill('vt_end-to-end-tests');
  await page.keyboard.press('Enter');
  await page.getByTestId('create-app').waitFor();
  page.dialogs = [];
  page.on('dialog', (dialog) => {
    page.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  await page.goto(`${server.origin}/apps/${app}`);
  await page.frameLocator('[data-testid="preview"]').locator(selector).first().waitFor({ timeout: 240_000 });
  const element = await page.getByTestId('preview').elementHandle();
  return { page, frame: await element.contentFrame() };
}

const places = (app) => ({
  builder: server.origin,
  port: server.port,
  app,
  preview: victim.preview,
  site: victim.site,
  outside: outside.origin,
  change: JSON.stringify({ ops: [{ op: 'write', path: 'forged.txt', text: 'forged' }] }),
});

/** Nothing was changed and nobody was signed out. */
async function builderIsWhole(page, app) {
  const me = await page.evaluate(async () => (await fetch('/v1/me')).status);
  assert.equal(me, 200, 'the person is signed in still');
  for (const id of [app, victim.id]) {
    const { files } = await server.must('GET', `/v1/apps/${id}/files`);
    assert.ok(!files['forged.txt'], 'nothing was written');
  }
}

/** Asserts what every attempt saw: a value, or one of several. */
function assertSeen(seen, expected) {
  for (const [name, outcome] of Object.entries(seen)) {
    assert.ok(name in expected, `what may be seen of "${name}"?`);
    const allowed = [expected[name]].flat();
    assert.ok(allowed.includes(outcome), `${name}: saw ${outcome}, may see ${allowed.join(' or ')}`);
  }
  assert.deepEqual(Object.keys(seen).sort(), Object.keys(expected).sort());
}

const CALLS_REFUSED = {
  'who is signed in': 'TypeError',
  'the apps, blindly': ['0', 'TypeError'],
  'a change with JSON': 'TypeError',
  'a change as a form would send it': ['opaque', 'TypeError'],
  'a change by beacon': 'sent',
  'deleting an app': 'TypeError',
  'a key of its own making': 'TypeError',
  'a socket': 'error',
  'an event stream': 'error',
  'an answer as a script': 'error',
  'the page as a picture': 'error',
  'a module of the builder': 'TypeError',
};

const NEIGHBOURS_REFUSED = {
  'another preview': 'TypeError',
  'another preview, blindly': ['opaque 0', 'TypeError'],
  'a socket of another preview': 'error',
  'a cookie of another preview': 'false',
  'another published app': 'TypeError',
  // Where storage is blocked in frames of other sites, not even its own is to be had.
  'the storage of another app': ['null', 'SecurityError'],
  'a worker of another origin': 'SecurityError',
  'a worker for another origin': 'SecurityError',
  'a cookie for the builder': 'false',
  'a cookie in our name for its neighbours': 'false',
};

test('a hostile preview inside the builder gets out of its frame with nothing, and the builder works on', async () => {
  const app = (await server.createFromTemplate('chat-soft')).id;
  const { page, frame } = await builderOn(app, '#root h1, #root h2');
  const theirs = await openIn(page.context(), (await server.session(victim.id)).preview_url);
  await theirs.getByText('private').waitFor();
  const address = page.url();

  assertSeen(await tryAll(frame, READING, places(app)), {
    'the document of the window above': 'SecurityError',
    'the body of the window above': 'SecurityError',
    'the address of the window above': 'SecurityError',
    'the storage of the window above': 'SecurityError',
    'a global of the window above': 'SecurityError',
    'running code in the window above': 'SecurityError',
    'the element it is shown in': 'null',
    'becoming the same domain': 'SecurityError',
    'our cookie': 'false',
    'a name that others left': 'true',
    'where it was linked from': 'true',
    'a token in its address': 'false',
    'a token in its history': 'false',
  });
  assertSeen(await tryAll(frame, CALLING, places(app)), CALLS_REFUSED);
  assertSeen(await tryAll(frame, NEIGHBOURS, places(app)), NEIGHBOURS_REFUSED);
  assertSeen(await tryAll(frame, FRAME, places(app)), {
    'leaving with the window above': 'SecurityError',
    'replacing the window above': 'SecurityError',
    'opening itself on top': 'null',
    'a link to the top': 'clicked',
    'a form to the top': 'sent',
    'dialogs without end': 'ignored',
    'staying for ever': 'set',
    'the whole screen': 'TypeError',
    'where the visitor is': 'refused 1',
    'the camera': 'denied',
    'the clipboard': 'NotAllowedError',
    notifications: 'denied',
    'forged messages': 'sent',
    'a history without end': 'pushed',
  });
  assert.equal(page.url(), address, 'the builder is where it was');
  assert.deepEqual(page.dialogs, [], 'no dialog was shown');
  await builderIsWhole(page, app);

  // Another session's cookies were not touched.
  await theirs.reload();
  await theirs.getByText('private').waitFor();

  // The builder still does what it is for: an edit, seen by hot replacement in the hostile page itself.
  await frame.evaluate(() => { window.before = true; });
  const style = 'body { outline: 7px solid red !important; }\n';
  const main = await server.read(app, 'src/main.tsx');
  await server.write(app, { 'src/after.css': style, 'src/main.tsx': `import './after.css';\n${main}` });
  const preview = page.frameLocator('[data-testid="preview"]');
  await until('the edit on screen', 30_000, () =>
    preview.locator('body').evaluate((body) => getComputedStyle(body).outlineWidth === '7px').catch(() => false));
  await server.write(app, { 'src/after.css': style.replace('7px', '9px') });
  await until('the second edit on screen', 30_000, () =>
    preview.locator('body').evaluate((body) => getComputedStyle(body).outlineWidth === '9px').catch(() => false));

  // And leaves the page behind when the person wants to.
  await page.goto(`${server.origin}/`);
  await page.getByTestId('create-app').waitFor();
  assert.deepEqual(page.dialogs, []);
  await page.context().close();
});

test('a hostile preview cannot frame the builder, nor a preview or app of somebody else', async () => {
  const app = (await server.importZip('Framer', staticSite('<h1 id="framer">framer</h1>'))).id;
  const { page, frame } = await builderOn(app, '#framer');
  const theirs = await openIn(page.context(), (await server.session(victim.id)).preview_url);
  await theirs.getByText('private').waitFor();
  for (const target of [`${server.origin}/`, `${server.origin}/v1/apps`, victim.preview, victim.site]) {
    const inner = await framed(page, frame, target);
    assert.match(inner, /^chrome-error:/, `${target} is framed: ${inner}`);
  }
  await builderIsWhole(page, app);
  await page.context().close();
});

/** Where a frame ends up that `frame` makes and points at `target`. */
async function framed(page, frame, target) {
  await frame.evaluate((src) => {
    document.querySelectorAll('iframe').forEach((old) => old.remove());
    return new Promise((resolve) => {
      const iframe = Object.assign(document.createElement('iframe'), { src });
      iframe.onload = resolve;
      document.body.append(iframe);
      setTimeout(resolve, 5000);
    });
  }, target);
  return until('a frame', 10_000, () => frame.childFrames().at(-1)?.evaluate(() => location.href).catch(() => undefined));
}

test('a window that a hostile preview opens has no hold on the builder, and none is held by what the builder opens', async () => {
  const app = (await server.importZip('Opener', staticSite('<h1 id="opener">opener</h1>'))).id;
  const { page, frame } = await builderOn(app, '#opener');
  await frame.evaluate((builder) => {
    document.body.innerHTML = '<button id="go">go</button>';
    document.getElementById('go').onclick = () => { window.opened = window.open(builder, 'held'); };
  }, `${server.origin}/`);
  const [popup] = await Promise.all([page.context().waitForEvent('page'), frame.locator('#go').click()]);
  await until('the end of the popup', 15_000, async () =>
    popup.isClosed() || /^chrome-error:/.test(popup.url()) || frame.evaluate(() => window.opened?.closed !== false));
  const hold = await tryAll(frame, {
    document: 'return window.opened.document.title',
    frames: 'return window.opened.length',
    storage: 'return window.opened.localStorage.length',
  }, places(app));
  assert.ok(['SecurityError', 'TypeError'].includes(hold.document), hold.document);
  assert.ok(['SecurityError', 'TypeError'].includes(hold.storage), hold.storage);
  assert.ok(['0', 'TypeError'].includes(hold.frames), `${hold.frames} frames were counted`);
  const isBuilder = popup.isClosed() ? false : await popup.getByTestId('create-app').isVisible().catch(() => false);
  assert.ok(!isBuilder, 'the builder does not run under somebody else\'s rules');

  const [tab] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('button', { name: /tab/i }).first().click(),
  ]);
  await tab.getByText('opener').waitFor();
  assert.deepEqual(await tab.evaluate(() => [window.opener, document.referrer, location.search]), [null, '', '']);
  await page.context().close();
});

test('a preview that spins, and one that floods its neighbours with cookies, leave the builder and published apps usable', async () => {
  const app = (await server.importZip('Spinner', staticSite('<h1 id="spinner">spinner</h1>'))).id;
  const { page, frame } = await builderOn(app, '#spinner');
  const spinning = frame.evaluate(() => {
    const until = performance.now() + 4_000;
    const kept = [];
    while (performance.now() < until) kept.length < 64 && kept.push(new Uint8Array(1 << 20).fill(1));
    return kept.length;
  });
  const begun = Date.now();
  assert.equal(await page.evaluate(() => 1 + 1), 2);
  await page.getByTestId('session-status').first().getAttribute('data-status');
  assert.ok(Date.now() - begun < 2_000, `the builder answered after ${Date.now() - begun} ms`);
  assert.equal(await spinning, 64);

  await frame.evaluate(() => {
    for (let i = 0; i < 150; i++) document.cookie = `bomb${i}=${'x'.repeat(3_900)}; domain=preview.localhost; path=/; secure; samesite=none`;
  });
  await builderIsWhole(page, app);
  const site = await openIn(page.context(), victim.site);
  await site.getByText('private').waitFor();
  const left = (await page.context().cookies(server.origin)).filter(({ name }) => name.startsWith('bomb'));
  assert.deepEqual(left, [], 'no cookie of it reaches the builder');
  await page.context().close();
});

test('no token leaves with a referrer', async () => {
  const app = (await server.importZip('Leaky', staticSite(`<h1 id="leaky">leaky</h1><img src="${outside.origin}/picture">`))).id;
  const { page, frame } = await builderOn(app, '#leaky');
  outside.referrers.length = 0;
  // What a blind request brings back depends on the browser's mood; that it was sent is what counts.
  await frame.evaluate(async (outside) => {
    await fetch(`${outside}/fetch`, { mode: 'no-cors' }).catch(() => undefined);
    await fetch(`${outside}/unsafe`, { mode: 'no-cors', referrerPolicy: 'unsafe-url' }).catch(() => undefined);
  }, outside.origin);
  const told = (path) => outside.referrers.find(([at]) => at === path)?.[1];
  await until('both requests', 10_000, () => told('/fetch') !== undefined && told('/unsafe') !== undefined);
  assert.equal(told('/fetch'), '', 'by default not even the host is told');
  assert.match(told('/unsafe'), /^http:\/\/ses-/, 'the page may tell where it is');
  assert.ok(!told('/unsafe').includes('vitrine_token'), told('/unsafe'));
  await page.context().close();
});

/** A published app whose owner allows it everything that can be allowed. */
async function hostileSite() {
  const { id, slug } = await server.importZip('Hostile', staticSite('<h1>hostile</h1>'));
  const { site_url: site } = await server.mustPublish(id);
  const settings = {
    content_security_policy: "default-src * data: blob: 'unsafe-inline' 'unsafe-eval'",
    frame_ancestors: [outside.origin],
  };
  await server.must('PUT', `/v1/apps/${id}/hosting`, { json: settings });
  return { id, slug, site };
}

test('a hostile published app, on its own and in a frame, reaches neither the builder nor other apps', async () => {
  const { id, site } = await hostileSite();
  const { page } = await builderOn(victim.id, '#private');
  const theirs = await openIn(page.context(), victim.site);
  await theirs.getByText('private').waitFor();

  const alone = await openIn(page.context(), site);
  await alone.getByText('hostile').waitFor();
  const around = await openIn(page.context(), `${outside.origin}/?frame=${encodeURIComponent(site)}`);
  await around.frameLocator('#frame').getByText('hostile').waitFor();
  const inFrame = around.frames().find((frame) => frame.url() === site);
  for (const frame of [alone.mainFrame(), inFrame]) {
    assertSeen(await tryAll(frame, CALLING, places(id)), CALLS_REFUSED);
    const neighbours = { ...NEIGHBOURS };
    // On the apps' own domain.
    neighbours['a cookie in our name for its neighbours'] =
      NEIGHBOURS['a cookie in our name for its neighbours'].replace('preview.localhost', 'apps.localhost').replace("document.cookie = '__Host-vitrine_preview=tossed; path=/; secure';", '');
    assertSeen(await tryAll(frame, neighbours, places(id)), NEIGHBOURS_REFUSED);
    for (const target of [`${server.origin}/`, victim.preview, victim.site]) {
      assert.match(await framed(page, frame, target), /^chrome-error:/, `${target} is framed`);
    }
  }

  // A window of its own to the builder: opened, and out of its hands.
  await alone.evaluate((builder) => {
    document.body.innerHTML = '<button id="go">go</button>';
    document.getElementById('go').onclick = () => { window.opened = window.open(builder, 'held'); };
  }, `${server.origin}/`);
  const [popup] = await Promise.all([page.context().waitForEvent('page'), alone.locator('#go').click()]);
  await popup.getByTestId('create-app').waitFor();
  assert.equal(await popup.evaluate(() => window.opener), null);
  assert.equal(await alone.evaluate(() => window.opened.closed), true, 'what it holds is nothing');
  const before = popup.url();
  await alone.evaluate(() => { try { window.opened.location = 'https://example.com/'; } catch { /* refused */ } });
  assert.equal(popup.url(), before);

  // A link from there into the API is answered by nobody.
  const visit = await alone.goto(`${server.origin}/v1/apps`).catch(() => undefined);
  assert.ok(visit, 'the address is answered');
  const linked = await openIn(page.context(), site);
  const [answer] = await Promise.all([
    linked.waitForResponse((response) => response.url() === `${server.origin}/v1/apps`),
    linked.evaluate((url) => { location.href = url; }, `${server.origin}/v1/apps`),
  ]);
  assert.equal(answer.status(), 403);
  await builderIsWhole(page, id);
  await theirs.reload();
  await theirs.getByText('private').waitFor();
  await page.context().close();
});

test('a preview link opens in a stranger\'s browser once it is asked to, and closes for the open page when taken back', async () => {
  const app = (await server.createFromTemplate('chat-soft')).id;
  const link = await server.must('POST', `/v1/apps/${app}/preview-links`, { json: { label: 'A friend', password: 'open sesame' } });
  const looked = await get(link.url, { headers: { accept: 'text/html' } });
  assert.equal(looked.status, 200);
  assert.equal((await server.call('GET', `/v1/apps/${app}/session`)).status, 404, 'looking starts nothing');

  const page = await open(browser, link.url);
  await page.getByLabel('Password').fill('wrong password');
  await page.keyboard.press('Enter');
  await page.getByText('That is not the password').waitFor();
  await page.getByLabel('Password').fill('open sesame');
  await page.keyboard.press('Enter');
  await page.locator('#root h1, #root h2').first().waitFor({ timeout: 240_000 });
  assert.match(new URL(page.url()).host, /^ses-.*\.preview\.localhost/);
  assert.equal(new URL(page.url()).search, '', 'the token has left the address');
  const me = await page.context().newPage();
  assert.equal((await me.goto(`${server.origin}/v1/me`)).status(), 401, 'a visitor is nobody to the API');

  await server.must('DELETE', `/v1/apps/${app}/preview-links/${link.id}`);
  // The open page is told, by itself.
  await page.getByText('This link has ended').waitFor({ timeout: 20_000 });
  await page.context().close();
});

test('a link without a password opens by itself, and its address by nobody twice', async () => {
  const app = (await server.importZip('Shared', staticSite('<h1>shared</h1>'))).id;
  const link = await server.must('POST', `/v1/apps/${app}/preview-links`, { json: {} });
  const page = await open(browser, link.url);
  await page.getByText('shared').waitFor({ timeout: 60_000 });
  const { preview_url: url } = await server.session(app);
  const first = await open(browser, url);
  await first.getByText('shared').waitFor();
  const again = await get(url, { headers: { accept: 'text/html' } });
  assert.equal(again.status, 401);
  assert.match(again.body, /This address was opened before/);
  await first.goto(url);
  await first.getByText('shared').waitFor();
  await page.context().close();
  await first.context().close();
});
