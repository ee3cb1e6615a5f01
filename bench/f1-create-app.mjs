// F1: create an app from a template → the preview answers `/` and every module of the entry page.
import { join } from 'node:path';
import { PlainProject } from './lib/plain.mjs';
import { loadPage, untilAnswers } from './lib/page.mjs';
import { summary } from './lib/stats.mjs';
import { TEMPLATE, startServer, toolchainNode, untilPage } from './lib/vitrine.mjs';

/** Nobody makes apps without a pause. */
const BETWEEN_APPS_MS = 3_000;

export async function f1({ quick, root }) {
  const runs = quick ? 3 : 20;
  const layersDir = join(root, 'bench/.layers');
  const server = await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir } });
  const ours = { first: [], all: [] };
  const theirs = { first: [], all: [] };
  let failures = 0;
  try {
    await once(server);
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_APPS_MS));
    const plain = new PlainProject(join(root, 'templates', TEMPLATE, 'project'), toolchainNode(layersDir));
    await plain.install();
    await plainStart(plain);
    for (let run = 0; run < runs; run++) {
      try {
        const begun = performance.now();
        const app = await server.must('POST', '/v1/apps', { json: { name: `Bench ${run}`, template: TEMPLATE, session: true } });
        const { firstMs, allMs } = await untilPage(app.session, begun);
        ours.first.push(firstMs);
        ours.all.push(allMs);
        await server.must('DELETE', `/v1/apps/${app.id}`);
      } catch (error) {
        failures += 1;
        console.error(String(error));
      }
      // The pool fills up again, beside nothing that is measured.
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_APPS_MS));
      const peer = await plainStart(plain);
      theirs.first.push(peer.firstMs);
      theirs.all.push(peer.allMs);
    }
    plain.remove();
  } finally {
    await server.remove();
  }
  return {
    id: 'F1',
    what: 'create an app from a template → the preview answers',
    goal: 'p50 ≤ 120 ms, p99 ≤ 400 ms, from a warm pool',
    rows: [
      { name: 'first 200 of `/`', ours: summary(ours.first), peer: summary(theirs.first) },
      { name: '`/` and every module', ours: summary(ours.all), peer: summary(theirs.all) },
    ],
    failures,
    note: 'Peer: `vite` started in a plain directory with `node_modules` and a warm pre-bundle.',
  };
}

/** Makes the layer and lets the pre-bundle settle, outside of what is measured. */
export async function once(server) {
  const app = await server.createFromTemplate(TEMPLATE);
  const session = await server.session(app.id);
  await untilPage(session, performance.now());
  await server.must('DELETE', `/v1/apps/${app.id}`);
}

export async function plainStart(plain) {
  const begun = performance.now();
  const dev = await plain.start();
  try {
    await untilAnswers(dev.origin);
    const firstMs = performance.now() - begun;
    await loadPage(dev.origin);
    return { firstMs, allMs: performance.now() - begun };
  } finally {
    await dev.stop();
  }
}
