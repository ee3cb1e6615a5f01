// F3: change set sent → HMR update message at a browser client, beside the same edit written into a plain project.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from './f1-create-app.mjs';
import { connect } from './lib/hmr.mjs';
import { loadPage, untilAnswers } from './lib/page.mjs';
import { PlainProject } from './lib/plain.mjs';
import { summary } from './lib/stats.mjs';
import { TEMPLATE, opened, startServer, toolchainNode } from './lib/vitrine.mjs';

const FILE = 'src/App.tsx';

export async function f3({ quick, root }) {
  const runs = quick ? 20 : 200;
  const layersDir = join(root, 'bench/.layers');
  const server = await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir } });
  const samples = { ours: [], acknowledged: [], plain: [] };
  let failures = 0;
  try {
    await once(server);
    const app = (await server.createFromTemplate(TEMPLATE)).id;
    const session = await server.session(app);
    const { origin, headers } = await opened(session);
    await loadPage(origin, headers);
    const socket = await connect(origin, headers);
    const source = readFileSync(join(root, 'templates', TEMPLATE, 'project', FILE), 'utf8');

    const plain = new PlainProject(join(root, 'templates', TEMPLATE, 'project'), toolchainNode(layersDir));
    await plain.install();
    const dev = await plain.start();
    await untilAnswers(dev.origin);
    await loadPage(dev.origin);
    const plainSocket = await connect(dev.origin);
    const plainFile = join(plain.dir, FILE);

    for (let run = 0; run < runs; run++) {
      // A person does not edit one file more often; sooner, Vite's watcher would not look (decision 4).
      await new Promise((resolve) => setTimeout(resolve, 200));
      const text = `${source}\n// edit ${run}\n`;
      try {
        const begun = performance.now();
        const updated = deadline(socket.next('update'), 'the update through Vitrine');
        const acknowledged = server.write(app, { [FILE]: text }).then(() => performance.now() - begun);
        samples.ours.push((await updated) - begun);
        samples.acknowledged.push(await acknowledged);
        // The browser fetches the module before the next edit, as it does in life: Vite tells nobody about a module
        // that nobody has.
        await loadPage(origin, headers);
      } catch (error) {
        failures += 1;
        console.error(String(error));
      }
      const begun = performance.now();
      const updated = deadline(plainSocket.next('update'), 'the update of plain Vite');
      writeFileSync(plainFile, text);
      samples.plain.push((await updated) - begun);
      await loadPage(dev.origin);
    }
    socket.close();
    plainSocket.close();
    await dev.stop();
    plain.remove();
  } finally {
    await server.remove();
  }
  return {
    id: 'F3',
    what: 'edit → browser',
    goal: 'adds ≤ 3 ms p50, ≤ 10 ms p99',
    rows: [
      { name: 'change set sent → HMR update received', ours: summary(samples.ours), peer: summary(samples.plain) },
      { name: 'change set sent → acknowledged as durable', ours: summary(samples.acknowledged) },
    ],
    failures,
    note: 'Peer: the same text written straight into the file of a plain Vite project.',
  };
}

function deadline(promise, what) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} did not come`)), 10_000).unref();
  });
  return Promise.race([promise, late]);
}
