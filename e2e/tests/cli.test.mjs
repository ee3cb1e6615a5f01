// The command line as people and scripts use it: the real binary on both ends.
import assert from 'node:assert/strict';
import { readdir, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Dev, Folder, json, lines, vitrine } from '../lib/cli.mjs';
import { get } from '../lib/http.mjs';
import { ADMIN_KEY, Server, until } from '../lib/server.mjs';

let server;
const cleanUp = [];

before(async () => {
  server = await Server.start();
});

after(async () => {
  for (const remove of cleanUp.reverse()) await remove();
  await server?.remove();
});

const PAGE = '<!doctype html><title>Static</title><body><h1>hello</h1></body>';

async function folderWith(files = {}) {
  const folder = await Folder.with({ 'index.html': PAGE, 'style.css': 'h1 { color: red }', ...files });
  cleanUp.push(() => folder.remove());
  return folder;
}

function dev(folder, args) {
  const started = Dev.start(server, folder, args);
  cleanUp.push(() => started.kill());
  return started;
}

const inApp = (app, path) => server.call('GET', `/v1/apps/${app}/files/${path}`);

async function appHolds(app, path, text) {
  await until(`${path} in the app`, 15_000, async () => {
    const answer = await inApp(app, path);
    return text === undefined ? answer.status === 404 : answer.status === 200 && String(answer.body) === text;
  });
}

async function folderHolds(folder, path, text) {
  await until(`${path} in the folder`, 15_000, async () => (await folder.read(path)) === text);
}

test('a folder becomes an app, and what is saved in it is in the app', async () => {
  const folder = await folderWith({
    'src/deep/a.js': 'export const a = 1;\n',
    'node_modules/left/index.js': 'out',
    '.gitignore': '*.log\n',
    'debug.log': 'out',
    'assets/large.bin': 'x'.repeat(200_000),
  });
  await symlink('/etc/passwd', folder.at('link'));
  const work = dev(folder);
  await work.says('in_step');
  const app = await work.app();
  const { files } = await server.must('GET', `/v1/apps/${app}/files`);
  assert.deepEqual(Object.keys(files).sort(), ['.gitignore', 'assets/large.bin', 'index.html', 'src/deep/a.js', 'style.css']);
  assert.equal((await work.says('left_out')).path, 'link');

  await folder.write('src/deep/a.js', 'export const a = 2;\n');
  await appHolds(app, 'src/deep/a.js', 'export const a = 2;\n');
  await folder.write('new/folder/b.js', 'b');
  await appHolds(app, 'new/folder/b.js', 'b');
  await rename(folder.at('style.css'), folder.at('new/style.css'));
  await appHolds(app, 'new/style.css', 'h1 { color: red }');
  await appHolds(app, 'style.css', undefined);
  assert.deepEqual((await work.says('sent_rename')).from, 'style.css');
  await unlink(folder.at('new/folder/b.js'));
  await appHolds(app, 'new/folder/b.js', undefined);
  // As editors save: the new content aside, then in its place.
  await folder.write('.index.html.swp', 'in between');
  await writeFile(folder.at('index.html.tmp~'), `${PAGE}<!-- saved -->`);
  await rename(folder.at('index.html.tmp~'), folder.at('index.html'));
  await appHolds(app, 'index.html', `${PAGE}<!-- saved -->`);
  assert.ok(!work.events.some((event) => event.event === 'sent_deletion' && event.paths.includes('index.html')));
  const end = await work.interrupt();
  assert.equal(end.code, 0);
  assert.deepEqual({ event: end.last.event, saved: end.last.saved }, { event: 'end', saved: true });
});

test('what others change is written into the folder, and goes from it', async () => {
  const folder = await folderWith({ 'src/a.js': '1' });
  const work = dev(folder);
  await work.says('in_step');
  const app = await work.app();
  await server.write(app, { 'src/a.js': 'theirs', 'src/theirs.js': 'new' });
  await folderHolds(folder, 'src/a.js', 'theirs');
  await folderHolds(folder, 'src/theirs.js', 'new');
  await server.write(app, {}, [{ op: 'rename', from: 'src/theirs.js', to: 'src/moved.js' }]);
  await folderHolds(folder, 'src/moved.js', 'new');
  await folderHolds(folder, 'src/theirs.js', undefined);
  const before = (await server.must('GET', `/v1/apps/${app}`)).version;
  // Nothing comes back as an echo of what was fetched.
  assert.equal((await work.interrupt()).last.version, before);
  assert.ok(!work.events.some((event) => event.event === 'sent' && event.paths.includes('src/moved.js')));
});

test('a conflict keeps both, here and there', async () => {
  const folder = await folderWith({ 'src/App.js': 'agreed\n' });
  const first = dev(folder);
  await first.says('in_step');
  const app = await first.app();
  await first.interrupt();
  // Both change the same files while nobody looks.
  await folder.write('src/App.js', 'mine\n');
  await server.write(app, { 'src/App.js': 'theirs\n' });
  await unlink(folder.at('style.css'));
  await server.write(app, { 'style.css': 'h1 { color: blue }' });

  const second = dev(folder);
  assert.equal(await second.app(), app, 'the folder remembers its app');
  const conflict = await second.says('conflict');
  assert.deepEqual([conflict.path, conflict.theirs], ['src/App.js', 'src/App.theirs.js']);
  await appHolds(app, 'src/App.js', 'mine\n');
  await appHolds(app, 'src/App.theirs.js', 'theirs\n');
  assert.equal(await folder.read('src/App.js'), 'mine\n');
  assert.equal(await folder.read('src/App.theirs.js'), 'theirs\n');
  await folderHolds(folder, 'style.css', 'h1 { color: blue }');
  // Done with it: deleting the other version here deletes it there.
  await unlink(folder.at('src/App.theirs.js'));
  await appHolds(app, 'src/App.theirs.js', undefined);
  await second.interrupt();
});

test('a server that is killed and started anew finds every edit', async () => {
  const folder = await folderWith({ 'src/a.js': '0' });
  const work = dev(folder);
  await work.says('in_step');
  const app = await work.app();
  await folder.write('src/a.js', '1');
  await server.killHard();
  for (let edit = 2; edit <= 5; edit++) await folder.write('src/a.js', String(edit));
  await folder.write('src/while-away.js', 'new');
  await work.says('offline');
  await server.restart();
  await work.says('online');
  await appHolds(app, 'src/a.js', '5');
  await appHolds(app, 'src/while-away.js', 'new');
  assert.equal((await work.interrupt()).last.saved, true);
});

test('edits of a killed command are sent by the next one, and two do not work on one folder', async () => {
  const folder = await folderWith();
  const first = dev(folder);
  await first.says('in_step');
  const app = await first.app();
  const beside = await vitrine(server, ['dev', folder.path, '--no-preview']);
  assert.equal(beside.code, 2);
  assert.match(beside.stderr, /already/);
  await first.kill();
  await folder.write('late.js', 'late');
  const second = dev(folder);
  assert.equal(await second.app(), app);
  await appHolds(app, 'late.js', 'late');
  // A disk that is not there any more empties no app.
  for (const name of await readdir(folder.path)) {
    if (name !== '.vitrine') await rm(folder.at(name), { recursive: true });
  }
  await second.says('empty');
  assert.equal((await inApp(app, 'index.html')).status, 200);
  await second.kill();
});

test('a live preview follows the folder in a real browser', async () => {
  const browser = await launch();
  try {
    const folder = await folderWith();
    const work = dev(folder, []);
    const { url } = await work.says('preview', (event) => event.status === 'running', 240_000);
    const page = await open(browser, url);
    await page.getByRole('heading', { name: 'hello' }).waitFor();
    await folder.write('index.html', PAGE.replace('hello', 'hello from the folder'));
    await page.getByRole('heading', { name: 'hello from the folder' }).waitFor();
    assert.equal((await work.interrupt()).code, 0);
  } finally {
    await browser.close();
  }
});

test('publish ends with the link, rollback gives the release before, and again further back', async () => {
  const folder = await folderWith();
  const work = dev(folder);
  await work.says('in_step');
  await work.interrupt();
  const sees = async (url) => (await get(url, { headers: { accept: 'text/html' } })).body.match(/<h1>(.*)<\/h1>/)[1];
  const inside = { cwd: folder.at('.') };
  let url;
  for (const edition of ['one', 'two', 'three']) {
    await folder.write('index.html', PAGE.replace('hello', edition));
    const synced = dev(folder);
    await synced.says('in_step');
    await synced.interrupt();
    const published = await vitrine(server, ['publish'], inside);
    assert.equal(published.code, 0, published.stderr);
    assert.match(published.stderr, /build/);
    url = published.stdout.trim();
    assert.equal(await sees(url), edition);
  }
  const back = await vitrine(server, ['rollback'], inside);
  assert.equal(back.stdout.trim(), url, back.stderr);
  assert.equal(await sees(url), 'two');
  await vitrine(server, ['rollback'], inside);
  assert.equal(await sees(url), 'one');
  const nothingLeft = await vitrine(server, ['rollback'], inside);
  assert.equal(nothingLeft.code, 7);
  const releases = await json(server, ['releases'], inside);
  assert.deepEqual(releases.map(({ number, current }) => [number, current]), [[5, true], [4, false], [3, false], [2, false], [1, false]]);
  await vitrine(server, ['rollback', '--to', '3'], inside);
  assert.equal(await sees(url), 'three');

  await folder.write('index.html', '<script type="module" src="./missing.js"></script>');
  const broken = dev(folder);
  await broken.says('in_step');
  await broken.interrupt();
  const failed = await vitrine(server, ['publish', '--json'], inside);
  assert.equal(failed.code, 9);
  const events = lines(failed.stdout);
  assert.equal(events.at(-1).event, 'end');
  assert.equal(events.at(-1).publish.status, 'failed');
  assert.equal(lines(failed.stderr)[0].error.kind, 'not_published');
  assert.equal(await sees(url), 'three', 'visitors keep what they had');
  const log = await vitrine(server, ['logs', '--publish', 'last'], inside);
  assert.equal(log.code, 0, log.stderr);
});

test('projects go in and out, by every name of an app', async () => {
  const folder = await folderWith({ 'src/a.js': '1', 'node_modules/x/y.js': 'out' });
  const made = await json(server, ['import', folder.path, '--name', 'Taken in', '--slug', 'taken-in']);
  assert.equal(made.slug, 'taken-in');
  const target = await folderWith();
  const zip = target.at('out.zip');
  const saved = await json(server, ['export', 'Taken in', '--output', zip]);
  assert.equal(saved.size_bytes, (await stat(zip)).size);
  assert.equal((await vitrine(server, ['export', 'taken-in', '--output', zip])).code, 2, 'nothing is written over');
  const again = await json(server, ['import', zip, '--name', 'Taken in']);
  const { files } = await server.must('GET', `/v1/apps/${again.id}/files`);
  assert.deepEqual(Object.keys(files).sort(), ['index.html', 'src/a.js', 'style.css']);
  const ambiguous = await vitrine(server, ['apps', 'show', 'taken in']);
  assert.equal(ambiguous.code, 2);
  assert.match(ambiguous.stderr, /taken-in/);
  assert.equal((await json(server, ['apps', 'show', made.id])).name, 'Taken in');
  const kept = await vitrine(server, ['apps', 'delete', again.slug]);
  assert.equal(kept.code, 2, 'nobody was asked');
  assert.deepEqual(await json(server, ['apps', 'delete', again.slug, '--yes']), { deleted: again.id });
  assert.ok(!(await json(server, ['apps'])).some((app) => app.id === again.id));
});

test('keys and secrets never stand on a command line', async () => {
  const folder = await folderWith();
  const file = folder.at('key');
  const key = await json(server, ['keys', 'create', 'For a script', '--role', 'editor', '--output', file]);
  assert.equal(key.secret, undefined);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const app = await server.createFromTemplate('chat-classic');
  const asEditor = { env: { VITRINE_API_KEY: '' } };
  const listed = await json(server, ['apps', 'list', '--key-file', file], asEditor);
  assert.ok(listed.some((one) => one.id === app.id));
  const piped = await vitrine(server, ['apps', '--json', '--key-file', '-'], { ...asEditor, input: `${ADMIN_KEY}\n` });
  assert.equal(piped.code, 0, piped.stderr);
  const set = ['secrets', 'set', 'TOKEN', '--app', app.id, '--for', 'build'];
  const kept = await json(server, set, { input: 'a-very-secret-value\n' });
  assert.deepEqual([kept.name, kept.targets], ['TOKEN', ['build']]);
  const secrets = await vitrine(server, ['secrets', 'list', app.id, '--json']);
  assert.ok(!secrets.stdout.includes('a-very-secret-value'));
  assert.equal(JSON.parse(secrets.stdout)[0].name, 'TOKEN');
  await json(server, ['secrets', 'delete', 'TOKEN', '--app', app.id]);
  await json(server, ['keys', 'revoke', key.id]);
  const revoked = await vitrine(server, ['apps', '--key-file', file, '--json'], asEditor);
  assert.equal(revoked.code, 6);
  assert.equal(lines(revoked.stderr)[0].error.problem.code, 'unauthenticated');
});

test('failures are told apart by their exit codes, in words and as JSON', async () => {
  const missing = await vitrine(server, ['apps', 'show', 'no-such-app']);
  assert.equal(missing.code, 7);
  assert.match(missing.stderr, /^vitrine: there is no app `no-such-app`/);
  assert.equal(missing.stdout, '');
  const away = await vitrine(server, ['apps', '--json', '--server', 'http://127.0.0.1:1']);
  assert.equal(away.code, 5);
  assert.equal(lines(away.stderr)[0].error.kind, 'unreachable');
  const refused = await vitrine(server, ['apps', 'create', 'X', '--template', 'chat-classic', '--slug', 'www']);
  assert.equal(refused.code, 8);
  const noApp = await vitrine(server, ['publish']);
  assert.equal(noApp.code, 2);
  assert.match(noApp.stderr, /which app/);
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await vitrine(server, ['completions', shell]);
    assert.equal(script.code, 0);
    assert.match(script.stdout, /rollback/);
  }
  const templates = await json(server, ['templates']);
  assert.ok(templates.some((template) => template.key === 'chat-classic'));
});
