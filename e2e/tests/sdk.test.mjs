// The SDK as it is published, in Node.js, against the real server: the examples as they stand, and what only a real server shows.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createGate, mintToken } from '../../sdk/client/dist/server.js';
import { Vitrine, VitrineError } from '../../sdk/client/dist/index.js';
import { get } from '../lib/http.mjs';
import { ADMIN_KEY, Server } from '../lib/server.mjs';

const run = promisify(execFile);
const examples = fileURLToPath(new URL('../../sdk/examples/node', import.meta.url));
const SECRET = 'what both sides know, and nobody else does';

let server;
let vitrine;

before(async () => {
  server = await Server.start({
    environment: {
      VITRINE_JWT_ISSUER: 'https://corner-shop.example',
      VITRINE_JWT_AUDIENCE: 'vitrine',
      VITRINE_JWT_ALGORITHMS: 'HS256',
      VITRINE_JWT_SECRET: SECRET,
      VITRINE_JWT_CREATE_TENANTS: 'true',
    },
  });
  vitrine = new Vitrine({ url: address(), auth: { key: ADMIN_KEY } });
});

after(async () => {
  await server?.remove();
});

/** Node.js does not know `*.localhost` everywhere. */
const address = () => `http://127.0.0.1:${server.port}`;

async function example(name) {
  const env = { PATH: process.env.PATH, VITRINE_URL: address(), VITRINE_KEY: ADMIN_KEY };
  const { stdout } = await run(process.execPath, [name], { cwd: examples, env, timeout: 280_000 });
  return stdout;
}

test('the example that publishes ends with an address that serves what it wrote', async () => {
  const printed = await example('publish.mjs');
  const [, site] = /published: (\S+)/.exec(printed) ?? assert.fail(printed);
  const { host } = new URL(site);
  const page = await fetchFrom(host, '/');
  assert.match(page, /<title>Hello from Node.js<\/title>/);
});

test('the example with a live preview goes through to its end', async () => {
  const printed = await example('live.mjs');
  assert.match(printed, /preview: http:\/\/\S+vitrine_token=/);
  assert.match(printed, /version \d+ is in the preview\nand everything is as it was\n$/);
});

test('two people who change the same version: one is told, and nothing of theirs is lost', async () => {
  const app = await vitrine.apps.create({ name: 'Conflict', template: 'chat-soft' });
  const { version } = await app.draft.list();
  await app.draft.write({ 'a.txt': 'first' }, { baseVersion: version });
  const refused = await app.draft.write({ 'a.txt': 'second' }, { baseVersion: version }).catch((error) => error);
  assert.ok(refused instanceof VitrineError);
  assert.equal(refused.code, 'draft_conflict');
  assert.equal(refused.latestVersion, version + 1);
  assert.ok(refused.requestId, 'the operator can find it in the log');
  assert.equal(await app.draft.readText('a.txt'), 'first');
});

test('sync makes the draft hold exactly these files, bytes for bytes', async () => {
  const app = await vitrine.apps.create({ name: 'Sync', template: 'chat-soft' });
  const photo = crypto.getRandomValues(new Uint8Array(50_000));
  const files = { 'index.html': '<!doctype html><title>Synced</title>', 'public/ä b.png': photo };
  await app.draft.sync(files);
  assert.deepEqual(Object.keys((await app.draft.list()).files).sort(), Object.keys(files).sort());
  assert.deepEqual(await app.draft.read('public/ä b.png'), photo);
  const again = await app.draft.sync(files);
  assert.equal(again.applied, 0, 'the same again changes nothing');
});

test('a mutation that is sent twice under one key is done once', async () => {
  const options = { idempotencyKey: crypto.randomUUID() };
  const first = await vitrine.apps.create({ name: 'Once', template: 'chat-soft' }, options);
  const second = await vitrine.apps.create({ name: 'Once', template: 'chat-soft' }, options);
  assert.equal(second.id, first.id);
});

test('a list is read over its pages', async () => {
  const seen = [];
  for await (const { id } of vitrine.apps.all()) seen.push(id);
  const page = await vitrine.apps.list({ limit: 1 });
  assert.equal(page.items.length, 1);
  assert.ok(page.next_cursor);
  assert.ok(seen.length > 1 && new Set(seen).size === seen.length);
});

test('a publish is followed to its end, and rolled back', async () => {
  const app = await vitrine.apps.create({ name: 'Shop', template: 'chat-classic' });
  const steps = new Set();
  const first = await (await app.publishes.publish()).wait({
    onProgress: ({ steps: all }) => all.filter(({ status }) => status !== 'pending').forEach(({ name }) => steps.add(name)),
  });
  assert.ok(steps.has('switch'), [...steps].join());
  await app.draft.write({ 'public/new.txt': 'new' });
  const second = await (await app.publishes.publish()).wait();
  assert.notEqual(second.artifact, first.artifact);
  const release = await app.releases.rollback();
  assert.equal(release.artifact, first.artifact);
});

test('a publish that cannot be built is an error with its places', async () => {
  const app = await vitrine.apps.create({ name: 'Broken', template: 'chat-classic' });
  await app.draft.write({ 'src/main.tsx': 'import "./missing";\n' });
  const publish = await app.publishes.publish();
  await assert.rejects(publish.wait(), (error) => {
    assert.equal(error.name, 'PublishFailed');
    assert.equal(error.code, 'validation_failed');
    assert.equal(error.errors[0].path, 'src/main.tsx');
    return true;
  });
});

test('whoever follows a publish sees its end, and each line once, also when the server restarts meanwhile', async () => {
  const app = await vitrine.apps.create({ name: 'Log', template: 'chat-editorial' });
  await app.draft.write({ 'public/changed.txt': 'so that it is built' });
  const publish = await app.publishes.publish();
  const seqs = [];
  let restarted;
  for await (const event of publish.follow({ signal: AbortSignal.timeout(240_000) })) {
    if (event.type === 'log') seqs.push(event.line.seq);
    restarted ??= server.stop().then(() => server.restart());
  }
  await restarted;
  assert.equal((await publish.get()).status, 'succeeded');
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b));
});

test('a token of the host product opens what its role may, and nothing of another tenant', async () => {
  const token = (tenant) =>
    mintToken(SECRET, { issuer: 'https://corner-shop.example', audience: 'vitrine', subject: 'ada', name: 'Ada', tenant });
  const shop = new Vitrine({ url: address(), auth: { token: () => token('corner-shop') } });
  const app = await shop.apps.create({ name: 'Page', template: 'chat-soft' });
  assert.equal((await shop.me()).user.name, 'Ada');
  const other = new Vitrine({ url: address(), auth: { token: () => token('other-shop') } });
  await assert.rejects(other.app(app.id).get(), { code: 'not_found' });

  const gate = createGate({
    url: address(),
    path: '/vitrine',
    token: (request) => (request.headers.get('cookie') === 'shop=ada' ? token('corner-shop') : undefined),
  });
  const ask = (headers) => gate(new Request('https://shop.example/vitrine/v1/apps', { headers }));
  assert.equal((await ask({})).status, 401);
  const { items } = await (await ask({ cookie: 'shop=ada' })).json();
  assert.deepEqual(items.map(({ id }) => id), [app.id]);
});

/** A page of a published app, by its host name. */
async function fetchFrom(host, path) {
  const { status, body } = await get(`http://${host}${path}`, { headers: { accept: 'text/html' } });
  assert.equal(status, 200);
  return body;
}
