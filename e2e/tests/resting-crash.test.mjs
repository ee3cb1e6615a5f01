// The server is killed in the middle of every change of a preview's state: nothing acknowledged is lost, nothing is left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { get, previewCookie } from '../lib/http.mjs';
import { Server, until } from '../lib/server.mjs';

/** Killed so many milliseconds after the server has said what it begins. */
const DELAYS_MS = [0, 4];

let server;

before(async () => {
  server = await Server.startInstalled('foundation', {
    environment: {
      VITRINE_SESSIONS_FREEZE_AFTER_SECS: '2',
      VITRINE_SESSIONS_IDLE_TIMEOUT_SECS: '6',
      VITRINE_SESSIONS_SWEEP_SECS: '1',
      VITRINE_LOG_FILTER: 'info,vitrine=debug',
    },
  });
});

after(async () => {
  await server?.remove();
});

/** The control groups of all sandboxes of one server, by name, whichever life of it made them. */
function groupsOf(instance) {
  const found = execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `${instance}.*`], { encoding: 'utf8' });
  return new Set(found.split('\n').filter(Boolean).map((path) => path.split('/').at(-1)));
}

/** What the names of those begin with. */
function instance() {
  const groups = execFileSync('sh', ['-c', 'cat /proc/[0-9]*/cgroup 2>/dev/null; true'], { encoding: 'utf8' });
  return /vitrine-[0-9a-f]+(?=\.)/.exec(groups)?.[0];
}

/** Somebody with the preview open: answers a function that loads a path. */
async function visitor(app) {
  await server.session(app);
  const { preview_url } = await server.must('PUT', `/v1/apps/${app}/session`);
  const cookie = await previewCookie(preview_url);
  return (path) => get(new URL(path, preview_url).href, { headers: { cookie } });
}

async function appWith(text) {
  const { id } = await server.createFromTemplate('foundation');
  await server.write(id, { 'public/note.txt': text });
  return id;
}

/** Each leads from an app with an edit to a change of its preview, and answers when the server says that it begins. */
const CHANGES = {
  async claimed(app) {
    await until('a warm sandbox', 60_000, async () => (await server.must('GET', '/v1/machine')).pool.warm > 0);
    const said = server.says(`claimed app=${app}`);
    await server.must('PUT', `/v1/apps/${app}/session`);
    await said;
  },
  async freezing(app) {
    const said = server.says(`freezing app=${app}`);
    await visitor(app);
    await said;
  },
  async thawing(app) {
    const load = await visitor(app);
    await server.sessionIs(app, 'frozen', 20_000);
    const said = server.says(`thawing app=${app}`);
    // The server may be gone before it answers.
    load('/').catch(() => undefined);
    await said;
  },
  async hibernating(app) {
    const said = server.says(`hibernating app=${app}`);
    await visitor(app);
    await said;
  },
  async starting(app) {
    const load = await visitor(app);
    await server.sessionIs(app, 'hibernated', 30_000);
    const said = server.says(`starting app=${app}`);
    load('/').catch(() => undefined);
    await said;
  },
};

test('kill -9 amid a claim, a freeze, a thaw, a hibernation and a wake loses nothing and leaves nothing', async () => {
  await visitor(await appWith('the first'));
  const ours = instance();
  assert.ok(ours, 'the sandbox is in a control group of its own');
  for (const [change, lead] of Object.entries(CHANGES)) {
    for (const delay of DELAYS_MS) {
      const what = `${change}, killed ${delay} ms later`;
      const app = await appWith(what);
      await lead(app);
      await new Promise((resolve) => setTimeout(resolve, delay));
      await server.killHard();
      const left = groupsOf(ours);
      await server.restart();
      await until(`the end of what the killed server had: ${what}`, 20_000, () => {
        const now = groupsOf(ours);
        return [...left].every((group) => !now.has(group));
      });
      const load = await visitor(app);
      const { status, body } = await load('/note.txt');
      assert.deepEqual({ status, body }, { status: 200, body: what });
    }
  }
  assert.equal(await server.stop(), 0);
  assert.deepEqual([...groupsOf(ours)], [], 'no control group is left');
});
