// The server is killed under edits: what it acknowledged is there, what it left behind is not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launch, open } from '../lib/browser.mjs';
import { Server, until } from '../lib/server.mjs';
import { staticSite } from '../lib/zip.mjs';

const ROUNDS = 3;

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

/** Processes whose command line or mounts name the data directory, or that run our guest. */
function processesOf(dataDir) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
      return command.includes(dataDir) || command.includes('vitrine-guest') || mounts.includes(dataDir);
    } catch {
      return false;
    }
  });
}

/** What the control groups of the server's sandboxes begin with: `…/vitrine-<instance>.<sandbox>`. */
function instanceOf(dataDir) {
  const groups = processesOf(dataDir).map((pid) => {
    try {
      return /vitrine-[0-9a-f]+/.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[0];
    } catch {
      return undefined;
    }
  });
  return groups.find(Boolean);
}

test('kill -9 under edits loses nothing that was acknowledged and leaves nothing behind', async () => {
  const app = (await server.importZip('Killed', staticSite('<h1>alive</h1>'))).id;
  const session = await server.session(app);
  const instance = instanceOf(server.dataDir);
  assert.ok(instance, 'the sandbox is in a control group of its own');
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = new Map();
    let killed = false;
    const editing = (async () => {
      for (let edit = 0; !killed; edit++) {
        const path = `notes/${round}-${edit % 20}.txt`;
        const text = `${round} ${edit}`;
        try {
          await server.write(app, { [path]: text });
          acknowledged.set(path, text);
        } catch {
          if (!killed) throw new Error('an edit failed before the server was killed');
        }
      }
    })();
    await until('some edits', 20_000, () => acknowledged.size >= 10);
    killed = true;
    await server.killHard();
    await editing.catch(() => undefined);

    await until('the end of every sandbox of the killed server', 10_000, () => processesOf(server.dataDir).length === 0);
    await server.restart();
    for (const [path, text] of acknowledged) {
      const now = await server.read(app, path);
      // The edit that was on its way may have landed after the last acknowledged one.
      assert.ok(Number(now.split(' ')[1]) >= Number(text.split(' ')[1]), `${path} holds ${now}, acknowledged ${text}`);
    }
    await server.sessionIs(app, 'running', 60_000);
  }
  const back = await server.must('GET', `/v1/apps/${app}/session`);
  assert.equal(back.id, session.id, 'the session itself came back');
  const page = await open(browser, back.preview_url);
  await page.getByText('alive').waitFor();

  assert.equal(await server.stop(), 0);
  await until('no process of ours', 10_000, () => processesOf(server.dataDir).length === 0);
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').filter((line) => line.includes(server.dataDir));
  assert.deepEqual(mounts, []);
  const left = execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `${instance}.*`], { encoding: 'utf8' });
  assert.equal(left, '', 'no control group is left');
});
