// A product's page that shows a preview in a frame and listens to it with the SDK.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { until } from './server.mjs';

const root = new URL('../../', import.meta.url);

/** What builders' frames allow. */
const SANDBOX = 'allow-scripts allow-same-origin allow-forms allow-popups allow-downloads';

const PAGE = `<!doctype html><title>product</title><iframe id="frame" sandbox="${SANDBOX}" style="width:900px;height:600px"></iframe>
<script type="module">
import { listenToPreview } from './bridge.js';
window.show = (url) => {
  const frame = document.getElementById('frame');
  window.heard = [];
  window.posted = [];
  addEventListener('message', (event) => window.posted.push({ origin: event.origin, data: event.data }));
  frame.src = url;
  window.bridge = listenToPreview({ frame, origin: new URL(url).origin, onEvent: (event) => window.heard.push(event) });
};
window.isReady = true;
</script>`;

/** The SDK's file as a browser runs it. */
async function sdk() {
  const { transformWithOxc } = await import(new URL('bridge/node_modules/vite/dist/node/index.js', root).href);
  const path = new URL('sdk/client/src/bridge.ts', root);
  const { code } = await transformWithOxc(await readFile(path, 'utf8'), path.pathname, { sourcemap: false });
  return code;
}

/** A server of that page; `origin` is where a browser finds it under a name. */
export async function product() {
  const module = await sdk();
  const server = http.createServer((request, response) => {
    const isModule = request.url === '/bridge.js';
    response.setHeader('content-type', isModule ? 'text/javascript' : 'text/html');
    response.end(isModule ? module : PAGE);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return { server, origin: (name) => `http://${name}.localhost:${port}` };
}

/** Shows a preview in a product's page; answers the page, its frame, and what helps to wait for events. */
export async function listen(context, origin, previewUrl) {
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  await page.waitForFunction(() => window.isReady);
  await page.evaluate((url) => window.show(url), previewUrl);
  const handle = await page.locator('#frame').elementHandle();
  const frame = await handle.contentFrame();
  const heard = (kind) => page.evaluate((of) => window.heard.filter((event) => !of || event.kind === of), kind);
  /** The first event of this kind for which `matches` holds. */
  const hears = (kind, matches = () => true, timeoutMs = 30_000) =>
    until(`a ${kind} event`, timeoutMs, async () => (await heard(kind)).find(matches)).catch(async (error) => {
      throw new Error(`${error.message}; heard: ${JSON.stringify((await heard()).slice(-20))}`);
    });
  const forget = () => page.evaluate(() => { window.heard.length = 0; });
  const ask = (command, ...args) => page.evaluate(([name, values]) => window.bridge[name](...values), [command, args]);
  return { page, frame, heard, hears, forget, ask };
}

/** Points at an element of the preview and clicks it, while the picker is on; answers what was told. */
export async function pickAt(shown, selector) {
  await shown.forget();
  await shown.ask('pick', true);
  await shown.hears('picker', (event) => event.on);
  return pointAt(shown, selector);
}

/** The same when the picker is on already. */
export async function pointAt(shown, selector) {
  const box = await shown.frame.locator(selector).first().boundingBox();
  const [x, y] = [box.x + Math.min(box.width / 2, 12), box.y + Math.min(box.height / 2, 8)];
  await shown.page.mouse.move(x - 1, y);
  await shown.page.mouse.move(x, y);
  await shown.page.mouse.click(x, y);
  return shown.hears('picked');
}
