// The bridge: what a preview tells the page around it and the API, in a real browser with real dev servers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from '../lib/browser.mjs';
import { get, previewCookie } from '../lib/http.mjs';
import { listen, pickAt, pointAt, product } from '../lib/listening.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite, zip } from '../lib/zip.mjs';

let host;
let server;
let browser;
let context;

before(async () => {
  host = await product();
  server = await Server.start({ environment: { VITRINE_PREVIEW_BRIDGE_ORIGINS: host.origin('product') } });
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
});

after(async () => {
  await browser?.close();
  await server?.remove();
  host?.server.close();
});

const MAIN = `import { createRoot } from "react-dom/client";
import { Probe } from "./Probe";
import "./actions";

createRoot(document.getElementById("root")!).render(<Probe />);
`;

const PROBE = `import { useState } from "react";

function Card({ title }: { title: string }) {
  return <article className="card">{title}</article>;
}

export function Probe() {
  const [count, setCount] = useState(0);
  const [isOpen, setOpen] = useState(true);
  if (!isOpen) return null;
  return (
    <main>
      <h1 id="title">Probe</h1>
      <button id="count" onClick={() => setCount(count + 1)}>
        count {count}
      </button>
      <button id="close" onClick={() => setOpen(false)}>close</button>
      <Card title="A card" />
    </main>
  );
}
`;

const ACTIONS = `const anyone = window as unknown as { probe: Record<string, (...args: never[]) => unknown> };

anyone.probe = {
  log: () => console.warn("careful %s", "now", { a: [1, "two"], get b() { throw new Error("never asked"); } }),
  fail: () => setTimeout(() => { throw new TypeError("probe failed"); }),
  reject: () => void Promise.reject(new Error("not caught")),
  fetch: () => fetch("/no-such-thing.json").then((answer) => answer.status),
  unanswered: () => fetch("http://127.0.0.1:9/").catch((error: Error) => error.name),
  xhr: () => { const request = new XMLHttpRequest(); request.open("POST", "/no-such-thing.css"); request.send(); },
  image: () => { document.body.append(Object.assign(new Image(), { src: "/no-such-picture.png" })); },
  go: () => history.pushState({}, "", "/probe?x=1#y"),
};

export {};
`;

/** An app of a template whose entry is ours. */
async function probeApp() {
  const { id } = await server.createFromTemplate('chat-soft');
  await server.write(id, { 'src/main.tsx': MAIN, 'src/Probe.tsx': PROBE, 'src/actions.ts': ACTIONS });
  return id;
}

const line = (source, text) => source.split('\n').findIndex((candidate) => candidate.includes(text)) + 1;
const place = (source, text) => {
  const at = line(source, text);
  return { line: at, column: source.split('\n')[at - 1].indexOf(text) + 1 };
};
const run = (frame, action) => frame.evaluate((name) => window.probe[name](), action);

async function shownApp(app, origin = host.origin('product')) {
  const session = await server.session(app);
  const shown = await listen(context, origin, session.preview_url);
  return { ...shown, session };
}

test('a preview tells of its console, errors, failed requests and navigation, with places as written', async () => {
  const app = await probeApp();
  const shown = await shownApp(app);
  const { frame, hears } = shown;
  await frame.locator('#title').waitFor();
  const ready = await hears('ready');
  assert.equal(ready.route, '/');

  await run(frame, 'log');
  const logged = await hears('console', (event) => event.args[0]?.startsWith('careful'));
  assert.deepEqual([logged.level, logged.args], ['warn', ['careful now', '{a: [1, "two"], b: (…)}']]);
  assert.deepEqual([logged.source?.file, logged.source?.line], ['src/actions.ts', line(ACTIONS, 'log:')]);

  await run(frame, 'fail');
  const failed = await hears('error', (event) => event.message === 'probe failed');
  assert.deepEqual([failed.name, failed.rejection], ['TypeError', false]);
  assert.deepEqual(failed.source, { file: 'src/actions.ts', ...place(ACTIONS, 'new TypeError') });
  await run(frame, 'reject');
  const rejected = await hears('error', (event) => event.rejection);
  assert.deepEqual([rejected.message, rejected.source?.line], ['not caught', line(ACTIONS, 'reject:')]);

  assert.equal(await run(frame, 'fetch'), 404);
  const missing = await hears('network', (event) => event.url === '/no-such-thing.json');
  assert.deepEqual([missing.method, missing.status], ['GET', 404]);
  assert.equal(await run(frame, 'unanswered'), 'TypeError', 'the page gets its own error');
  const unanswered = await hears('network', (event) => event.url.includes('127.0.0.1:9'));
  assert.ok(unanswered.failure && unanswered.status === undefined);
  await run(frame, 'xhr');
  const posted = await hears('network', (event) => event.url === '/no-such-thing.css');
  assert.equal(posted.method, 'POST');
  await run(frame, 'image');
  await hears('network', (event) => event.url === '/no-such-picture.png');

  await run(frame, 'go');
  const moved = await hears('navigation', (event) => event.route === '/probe?x=1#y');
  assert.equal(moved.can_go_back, true);
  await shown.ask('back');
  await hears('navigation', (event) => event.route === '/');
  await shown.forget();
  await shown.ask('go', '/elsewhere');
  await hears('ready', (event) => event.route === '/elsewhere');
  await shown.forget();
  await shown.ask('go', 'https://example.com/');
  await shown.ask('reload');
  await hears('ready', (event) => event.route === '/elsewhere');
  assert.equal((await shown.heard('ready')).length, 1, 'it went nowhere else');
});

test('the same events are at the API, for whoever may see the session, and go on where they were left', async () => {
  const app = await probeApp();
  const { frame, hears } = await shownApp(app);
  await frame.locator('#title').waitFor();
  await run(frame, 'fail');
  const told = await hears('error');
  const controller = new AbortController();
  const follow = async (headers = {}) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/v1/apps/${app}/session/events`, {
      headers: { authorization: 'Bearer vt_end-to-end-tests', ...headers },
      signal: controller.signal,
    });
    assert.equal(answer.status, 200);
    return answer.body.pipeThrough(new TextDecoderStream()).getReader();
  };
  const readUntil = async (reader, text) => {
    let seen = '';
    while (!seen.includes(text)) seen += (await reader.read()).value;
    return seen;
  };
  const stream = await readUntil(await follow(), told.id);
  const block = stream.split('\n\n').find((one) => one.includes(told.id));
  assert.match(block, /^event: preview$/m);
  const event = JSON.parse(/^data: (.*)$/m.exec(block)[1]);
  assert.deepEqual([event.kind, event.message, event.visitor, event.source], ['error', 'probe failed', false, told.source]);
  const id = /^id: (\d+)$/m.exec(block)[1];
  const rest = await follow({ 'last-event-id': id });
  await run(frame, 'fetch');
  assert.ok(!(await readUntil(rest, 'no-such-thing.json')).includes(told.id));
  controller.abort();
  const nobody = await fetch(`http://127.0.0.1:${server.port}/v1/apps/${app}/session/events`);
  assert.equal(nobody.status, 401);
});

test('what Vite says is wrong is told with its place, and that it is mended', async () => {
  const app = await probeApp();
  const { frame, hears, heard, forget } = await shownApp(app);
  await frame.locator('#title').waitFor();
  await hears('ready');
  await server.write(app, { 'src/Probe.tsx': PROBE.replace('<main>', '<main') });
  const overlay = await hears('overlay');
  assert.equal(overlay.file, 'src/Probe.tsx');
  assert.ok(overlay.line >= 11 && overlay.message, JSON.stringify(overlay));
  await forget();
  await server.write(app, { 'src/Probe.tsx': PROBE });
  // Vite updates the page or loads it anew; a page that begins has nothing wrong.
  const ends = ({ kind }) => kind === 'overlay_gone' || kind === 'ready';
  await until('that it is mended', 30_000, async () => (await heard()).some(ends));
  await frame.locator('#title').waitFor();
});

test('a page that shows nothing is said to be blank, and that it is not any more', async () => {
  const app = await probeApp();
  const { frame, hears, heard } = await shownApp(app);
  await frame.locator('#close').click();
  await run(frame, 'fail');
  assert.equal((await hears('blank')).route, '/');
  await frame.evaluate(() => { document.body.append('something'); });
  await hears('not_blank');
  assert.equal((await heard('blank')).length, 1);
});

test('a pick tells the line of a React element, also after an edit and on the next page', async () => {
  const app = await probeApp();
  const shown = await shownApp(app);
  await shown.frame.locator('#title').waitFor();
  const title = await pickAt(shown, '#title');
  assert.deepEqual([title.file, title.line, title.column, title.exact], ['src/Probe.tsx', place(PROBE, '<h1').line, place(PROBE, '<h1').column, true]);
  assert.deepEqual([title.component, title.tag, title.text], ['Probe', 'h1', 'Probe']);
  const card = await pickAt(shown, '.card');
  assert.deepEqual([card.line, card.component], [line(PROBE, '<article'), 'Card']);

  // The page keeps its elements over an edit; the lines are those of the file as it is now.
  await shown.frame.locator('#count').click();
  const edited = PROBE.replace('<h1 id="title">Probe</h1>', '<p>one</p>\n      <p>two</p>\n      <h1 id="title">Probe</h1>');
  await server.write(app, { 'src/Probe.tsx': edited });
  await shown.frame.locator('text=two').waitFor();
  await shown.frame.locator('text=count 1').waitFor();
  const after = await pickAt(shown, '#count');
  assert.deepEqual([after.line, after.exact], [line(edited, 'id="count"'), true]);
  assert.equal((await pickAt(shown, '#title')).line, line(edited, '<h1'));

  // It stays on over an update and a reload, and Escape ends it.
  await shown.ask('pick', true);
  await server.write(app, { 'src/Probe.tsx': PROBE });
  await shown.frame.locator('text=two').waitFor({ state: 'detached' });
  await shown.forget();
  await shown.ask('reload');
  await shown.hears('ready');
  await shown.hears('picker', (event) => event.on);
  await shown.frame.locator('#title').waitFor();
  assert.equal((await pointAt(shown, '#title')).line, line(PROBE, '<h1'));
  await shown.frame.locator('#count').click();
  await shown.frame.locator('text=count 1').waitFor();
  await shown.forget();
  await shown.ask('pick', true);
  await shown.hears('picker', (event) => event.on);
  await shown.frame.locator('body').press('Escape');
  await shown.hears('picker', (event) => !event.on);
});

const VUE = `<script setup>
import { ref } from "vue";
const count = ref(0);
</script>

<template>
  <main class="page">
    <h1 id="title">Vue</h1>
    <ul>
      <li v-for="item in ['one', 'two']" :key="item" class="item">{{ item }}</li>
    </ul>
    <button id="count" @click="count++">count {{ count }}</button>
  </main>
</template>
`;

/** A project with these packages, as npm has them, under Vite. */
const project = (packages, config, files) =>
  zip({
    'package.json': JSON.stringify({ name: 'p', private: true, type: 'module', scripts: { dev: 'vite', build: 'vite build' }, dependencies: packages }),
    'vite.config.js': config,
    ...files,
  });

test('a pick tells the line of a Vue element, and of the file as it is after an edit', async () => {
  const files = {
    'index.html': '<!doctype html><div id="app"></div><script type="module" src="/src/main.js"></script>',
    'src/main.js': 'import { createApp } from "vue";\nimport App from "./App.vue";\ncreateApp(App).mount("#app");\n',
    'src/App.vue': VUE,
  };
  const config = 'import vue from "@vitejs/plugin-vue";\nexport default { plugins: [vue()] };\n';
  const packages = { vue: '3.5.45', '@vitejs/plugin-vue': '6.0.11', vite: '7.3.8' };
  const app = (await server.importZip('Vue', project(packages, config, files))).id;
  const shown = await shownApp(app);
  await shown.frame.locator('#title').waitFor();
  const title = await pickAt(shown, '#title');
  assert.deepEqual([title.file, title.line, title.column, title.exact, title.component], ['src/App.vue', line(VUE, '<h1'), 5, true, 'App']);
  assert.equal((await pickAt(shown, '.item')).line, line(VUE, '<li'));
  const edited = VUE.replace('    <h1', '    <p>before</p>\n    <h1');
  await server.write(app, { 'src/App.vue': edited });
  await shown.frame.locator('text=before').waitFor();
  assert.equal((await pickAt(shown, '#count')).line, line(edited, '<button'));
  const source = await server.read(app, 'src/App.vue');
  assert.ok(!source.includes('data-vitrine'), 'the project is as it was');
});

const REACT_18 = `export default function App() {
  return (
    <section>
      <h1 id="title">Eighteen</h1>
    </section>
  );
}
`;

test('a pick tells the line of an element of React 18', async () => {
  const files = {
    'index.html': '<!doctype html><div id="root"></div><script type="module" src="/src/main.jsx"></script>',
    'src/main.jsx': 'import { createRoot } from "react-dom/client";\nimport App from "./App";\ncreateRoot(document.getElementById("root")).render(<App />);\n',
    'src/App.jsx': REACT_18,
  };
  const config = 'import react from "@vitejs/plugin-react";\nexport default { plugins: [react()] };\n';
  const packages = { react: '18.3.1', 'react-dom': '18.3.1', '@vitejs/plugin-react': '4.3.4', vite: '6.4.1' };
  const app = (await server.importZip('React 18', project(packages, config, files))).id;
  const shown = await shownApp(app);
  await shown.frame.locator('#title').waitFor();
  const title = await pickAt(shown, '#title');
  assert.deepEqual([title.file, title.line, title.component], ['src/App.jsx', line(REACT_18, '<h1'), 'App']);
});

test('a page that breaks what the bridge is made of breaks nothing else, and is heard', async () => {
  const breaking = `<h1>broken</h1><script>
    const circular = {}; circular.self = circular;
    Object.defineProperty(circular, 'loud', { enumerable: true, get() { console.log('asked'); return 1; } });
    window.parent = window; window.postMessage = () => { throw new Error('posted'); };
    JSON.stringify = () => { console.log('stringified'); throw new Error('json'); };
    const own = console.log; console.log = function (...args) { own.call(console, 'again', ...args); };
    Object.prototype.toString = () => { throw new Error('toString'); };
    window.fetch = () => Promise.reject(new Error('mine'));
    window.setTimeout = () => 0; Date.now = () => { throw new Error('now'); };
    console.log(circular);
    console.error(new Proxy({}, { ownKeys() { throw new Error('keys'); } }));
    console.error('after all');
    document.title = 'went on';
  </script>`;
  const app = (await server.importZip('Breaking', staticSite(breaking))).id;
  const shown = await shownApp(app);
  await shown.hears('console', (event) => event.args[0] === 'after all');
  assert.equal(await shown.frame.evaluate(() => document.title), 'went on');
  const logged = await shown.hears('console', (event) => event.args[0] === 'again');
  assert.match(logged.args[1], /self: \[circular\]/);
  assert.deepEqual(await shown.heard('error'), []);
});

test('a flood is cut short and counted, and the page is not', async () => {
  const app = (await server.importZip('Flood', staticSite('<h1>flood</h1><script>for (let n = 0; n < 5000; n++) console.log(n, "x".repeat(20000)); document.title = "done"</script>'))).id;
  const shown = await shownApp(app);
  const dropped = await shown.hears('dropped');
  const lines = await shown.heard('console');
  // Fifty in every second that it takes.
  assert.ok(lines.length <= 300, `${lines.length}`);
  assert.ok(lines.every((event) => event.args.every((text) => text.length <= 8_192)));
  assert.ok(dropped.count > 1_000, `${dropped.count}`);
  assert.equal(await shown.frame.evaluate(() => document.title), 'done');
});

test('only the frame’s parent steers a preview, and only a page that was named hears it', async () => {
  // Of an origin that may steer, but not the one around the preview.
  const inner = `<iframe src="${host.origin('product')}/forging"></iframe>`;
  const page = `<h1>outer</h1><iframe id="inner" srcdoc="<script>
    parent.postMessage({source:'vitrine',version:1,type:'picker',on:true}, '*');
    parent.postMessage({source:'vitrine',version:1,type:'go',route:'/forged'}, '*');
    top.postMessage({source:'vitrine-bridge',version:1,preview:'forged',events:[{id:'1',at:1,kind:'console',level:'log',args:['forged']}]}, '*');
  </script>"></iframe><script>
    window.seen = [];
    addEventListener('message', (event) => window.seen.push(event.data));
    postMessage({source:'vitrine',version:1,type:'picker',on:true}, '*');
  </script>${inner}`;
  const app = (await server.importZip('Foreign', staticSite(page))).id;
  const shown = await shownApp(app);
  await shown.hears('ready');
  await until('the forged messages', 10_000, () => shown.page.evaluate(() => window.posted.some((message) => message.data.preview === 'forged')));
  await until('the forged commands', 10_000, () => shown.frame.evaluate(() => window.seen.length === 4));
  assert.deepEqual(await shown.heard('picker'), []);
  assert.ok((await shown.heard('console')).every((event) => event.args[0] !== 'forged'));
  assert.equal(await shown.frame.evaluate(() => location.pathname), '/');

  // A page of another origin cannot show the preview, and hears nothing when it opens it beside itself.
  const evil = await context.newPage();
  await evil.goto(`${host.origin('evil')}/`);
  await evil.evaluate((url) => {
    window.got = [];
    addEventListener('message', (event) => window.got.push(event.data));
    window.open(url);
  }, (await server.session(app)).preview_url);
  const opened = await until('the preview beside it', 10_000, async () => context.pages().find((one) => one.url().includes('.preview.')));
  await opened.getByText('outer').waitFor();
  await opened.evaluate(() => new Promise((resolve) => setTimeout(resolve, 200)));
  assert.deepEqual(await evil.evaluate(() => window.got), []);
  const framed = await listen(context, host.origin('evil'), (await server.session(app)).preview_url);
  await framed.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
  assert.deepEqual(await framed.heard(), []);
});

test('a preview runs under a strict policy of the app’s own with the bridge in it', async () => {
  const vite = `export default { server: { headers: { "content-security-policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; connect-src 'self' ws:; style-src 'self' 'unsafe-inline'; require-trusted-types-for 'script'" } } };`;
  const files = { 'index.html': '<!doctype html><h1 id="title">strict</h1><script type="module" src="/main.js"></script>', 'main.js': 'console.info("strict");\n' };
  const app = (await server.importZip('Strict', project({ vite: '7.3.8' }, vite, files))).id;
  const shown = await shownApp(app);
  await shown.hears('console', (event) => event.args[0] === 'strict');
  const picked = await pickAt(shown, '#title');
  assert.equal(picked.tag, 'h1');
});

test('a page comes back out of the browser’s cache with the bridge in it', async () => {
  const app = (await server.importZip('Cache', staticSite('<h1>first</h1><a href="/second.html">on</a>', { 'second.html': '<!doctype html><h1>second</h1>' }))).id;
  const session = await server.session(app);
  const page = await context.newPage();
  await page.goto(session.preview_url);
  await page.evaluate(() => {
    window.kept = true;
    addEventListener('pageshow', (event) => { window.wasKept = event.persisted; });
  });
  const reasons = await page.evaluate(() => performance.getEntriesByType('navigation')[0].notRestoredReasons);
  await page.click('a');
  await page.getByText('second').waitFor();
  assert.equal(reasons ?? null, null);
  // The static dev server's own event stream keeps the page out of the cache; the bridge must not be another reason.
  await page.goBack();
  await page.getByText('first').waitFor();
  const why = await page.evaluate(() => JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons ?? {}));
  assert.ok(!/unload|broadcast|websocket-sticky/.test(why), why);
  await page.close();
});

test('switched off, nothing is injected and elements are as the app makes them', async () => {
  const off = await Server.start({ environment: { VITRINE_PREVIEW_BRIDGE: 'false' } });
  try {
    const { id } = await off.createFromTemplate('chat-soft');
    const session = await off.session(id);
    const origin = new URL(session.preview_url).origin;
    const cookie = await previewCookie(session.preview_url);
    const page = await get(`${origin}/`, { headers: { cookie, accept: 'text/html' } });
    assert.equal(page.status, 200);
    assert.ok(!page.body.includes('/.vitrine/'), page.body.slice(0, 400));
    assert.equal((await get(`${origin}/.vitrine/bridge.js`, { headers: { cookie } })).status, 404);
  } finally {
    await off.remove();
  }
});
