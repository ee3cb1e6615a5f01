// The client's channel against the real server, in a real browser: from a page of another origin, and through a product's gate.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { nodeGate } from '../../sdk/client/dist/node.js';
import { Vitrine } from '../../sdk/client/dist/index.js';
import { launch } from '../lib/browser.mjs';
import { ADMIN_KEY, Server, until } from '../lib/server.mjs';

let server;
let product;
let browser;
let page;
let app;

before(async () => {
  server = await Server.start();
  const vitrine = new Vitrine({ url: `http://127.0.0.1:${server.port}`, auth: { key: ADMIN_KEY } });
  app = await vitrine.apps.create({ name: 'Followed', template: 'chat-classic' });
  product = await startProduct();
  browser = await launch();
  page = await browser.newPage();
  await page.goto(`http://localhost:${product.address().port}/`);
});

after(async () => {
  await browser?.close();
  product?.closeAllConnections();
  product?.close();
  await server?.remove();
});

/** Serves the client as it is built, an empty page, and a gate. */
async function startProduct() {
  const gate = nodeGate({ url: `http://127.0.0.1:${server.port}`, path: '/vitrine', token: () => ADMIN_KEY });
  const product = createServer(async (request, response) => {
    if (request.url.startsWith('/vitrine/')) return gate(request, response);
    const script = /^\/[\w-]+\.js$/.test(request.url);
    const body = script ? await readFile(new URL(`../../sdk/client/dist${request.url}`, import.meta.url)) : '<!doctype html>';
    response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html' });
    return response.end(body);
  });
  product.on('upgrade', (request, socket, head) => gate.upgrade(request, socket, head) || socket.destroy());
  await new Promise((resolve) => product.listen(0, '127.0.0.1', resolve));
  return product;
}

/** Opens a channel in the page under a name; `window[name].heard` has what it was told. */
function open(name, options) {
  return page.evaluate(
    async ([name, options]) => {
      const { openChannel } = await import('/channel.js');
      const heard = [];
      const channel = openChannel({ ...options, onMessage: (message) => heard.push(message) });
      window[name] = { channel, heard };
    },
    [name, options],
  );
}

const heard = (name, type) =>
  page.evaluate(([name, type]) => window[name].heard.filter((message) => message.type === type), [name, type]);

const hears = (name, type, isIt = () => true) =>
  until(`${name} hears ${type}`, 20_000, async () => (await heard(name, type)).find(isIt));

test('a page of another origin follows by a key, and one of a product through its gate', async () => {
  const path = `/v1/apps/${app.id}/channel`;
  await open('direct', { url: `http://127.0.0.1:${server.port}${path}`, protocols: ['vitrine.v1', `bearer.${ADMIN_KEY}`] });
  await open('gated', { url: `/vitrine${path}` });
  await hears('direct', 'hello');
  await hears('gated', 'hello');
  const { version } = await app.draft.write({ 'a.txt': 'one' });
  for (const name of ['direct', 'gated']) {
    const told = await hears(name, 'draft', (message) => message.version === version);
    assert.deepEqual(told.paths, ['a.txt']);
  }
});

test('each sees where the other is', async () => {
  await page.evaluate(() => window.direct.channel.setPresence({ file: 'src/App.tsx', line: 12 }));
  await hears('gated', 'presence', ({ people }) => people.some(({ file, line }) => file === 'src/App.tsx' && line === 12));
});

test('a change set goes over the channel, and its sender knows it as its own', async () => {
  const change = { type: 'change', id: 'c1', ops: [{ op: 'write', path: 'b.txt', text: 'two' }], idempotency_key: 'once' };
  await page.evaluate((request) => window.gated.channel.send(request), change);
  const { version } = await hears('gated', 'ack', ({ id }) => id === 'c1');
  const { client_id } = await hears('gated', 'draft', (message) => message.version === version);
  assert.equal(client_id, await page.evaluate(() => window.gated.channel.clientId));
  assert.equal(await app.draft.readText('b.txt'), 'two');
});

test('a server that is killed is found again, and nothing goes by in silence', async () => {
  await server.killHard();
  await server.restart();
  const { version } = await app.draft.write({ 'c.txt': 'three' });
  for (const name of ['direct', 'gated']) {
    // Told by its number, or that everything has to be read anew.
    await until(`${name} knows of version ${version}`, 30_000, async () => {
      const drafts = await heard(name, 'draft');
      const gaps = await heard(name, 'gap');
      const greetings = await heard(name, 'hello');
      return drafts.some((message) => message.version === version) || (gaps.length > 0 && greetings.at(-1).version >= version);
    });
  }
});

test('the channel of an app that is deleted ends', async () => {
  await app.delete();
  await until('both are closed', 20_000, () =>
    page.evaluate(() => window.direct.channel.state !== 'open' && window.gated.channel.state !== 'open'));
});
