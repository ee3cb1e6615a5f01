// F2: ensure a session: warm (it runs), cold with the layer, first ever (nothing installed).
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { once, plainStart } from './f1-create-app.mjs';
import { staticSite } from '../e2e/lib/zip.mjs';
import { PlainProject } from './lib/plain.mjs';
import { summary, timed } from './lib/stats.mjs';
import { TEMPLATE, opened, startServer, toolchainNode, untilPage } from './lib/vitrine.mjs';
import { loadPage } from './lib/page.mjs';

export async function f2({ quick, root }) {
  const runs = quick ? 3 : 20;
  const layersDir = join(root, 'bench/.layers');
  // Cold is what a start costs that the pool cannot serve.
  const server = await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir, VITRINE_POOL_CEILING: '0' } });
  const samples = { warm: [], warmModules: [], cold: [], plainCold: [], first: [], plainFirst: [] };
  try {
    await once(server);
    const plain = new PlainProject(join(root, 'templates', TEMPLATE, 'project'), toolchainNode(layersDir));
    await plain.install();
    await plainStart(plain);
    const app = (await server.createFromTemplate(TEMPLATE)).id;
    await untilPage(await server.session(app), performance.now());
    for (let run = 0; run < runs; run++) {
      const { ms, result } = await timed(() => server.must('PUT', `/v1/apps/${app}/session`));
      if (result.status !== 'running') throw new Error(`the warm session is ${result.status}`);
      samples.warm.push(ms);
      const { origin, headers } = await opened(result);
      samples.warmModules.push(ms + (await timed(() => loadPage(origin, headers))).ms);
    }
    for (let run = 0; run < runs; run++) {
      await server.must('DELETE', `/v1/apps/${app}/session`);
      const begun = performance.now();
      const session = await server.must('PUT', `/v1/apps/${app}/session`);
      samples.cold.push((await untilPage(session, begun)).allMs);
      samples.plainCold.push((await plainStart(plain)).allMs);
    }
    await server.must('DELETE', `/v1/apps/${app}`);
    const firsts = quick ? 1 : 3;
    for (let run = 0; run < firsts; run++) {
      await firstEver(root, samples);
      plain.removePackages();
      const { ms } = await timed(async () => {
        await plain.install();
        await plainStart(plain);
      });
      samples.plainFirst.push(ms);
    }
    plain.remove();
  } finally {
    await server.remove();
  }
  return {
    id: 'F2',
    what: 'ensure a session',
    goal: 'warm: `running` p50 ≤ 30 ms, every module ≤ 100 ms; cold ≤ plain + 80 ms; first ≤ 1.1 × plain',
    rows: [
      { name: 'warm: `PUT session` answers `running`', ours: summary(samples.warm) },
      { name: 'warm: and every module', ours: summary(samples.warmModules) },
      { name: 'cold with the layer: every module', ours: summary(samples.cold), peer: summary(samples.plainCold) },
      { name: 'first ever: every module', ours: summary(samples.first), peer: summary(samples.plainFirst) },
    ],
    failures: 0,
    note: 'Peer of cold: `vite` in a plain directory. Peer of first: `npm ci`, then `vite`, without a pre-bundle; the toolchain is there in both.',
  };
}

/** A server that has a toolchain and no layers. */
async function firstEver(root, samples) {
  const layersDir = join(root, 'bench/.layers-first');
  for (const made of ['layers', 'answers']) rmSync(join(layersDir, made), { recursive: true, force: true });
  const environment = { VITRINE_INSTALL_LAYERS_DIR: layersDir, VITRINE_INSTALL_WARM_TEMPLATES: 'false' };
  const server = await startServer({ environment });
  try {
    const still = await server.importZip('Fetches the toolchain', staticSite('<h1>still</h1>'));
    await server.session(still.id);
    const app = (await server.createFromTemplate(TEMPLATE)).id;
    const begun = performance.now();
    const session = await server.must('PUT', `/v1/apps/${app}/session`);
    samples.first.push((await untilPage(session, begun)).allMs);
  } finally {
    await server.remove();
  }
}
