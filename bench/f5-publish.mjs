// F5: publish: from the request to the release serving; first ever, one file changed, unchanged.
import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { get } from '../e2e/lib/http.mjs';
import { staticSite } from '../e2e/lib/zip.mjs';
import { PlainProject } from './lib/plain.mjs';
import { summary, timed } from './lib/stats.mjs';
import { TEMPLATE, startServer, toolchainNode } from './lib/vitrine.mjs';

const ENTRY = 'src/App.tsx';
export async function f5({ quick, root }) {
  const runs = quick ? 3 : 15;
  const layersDir = join(root, 'bench/.layers');
  const server = await startServer({ environment: { VITRINE_INSTALL_LAYERS_DIR: layersDir } });
  const samples = { changed: [], plainChanged: [], unchanged: [], first: [], plainFirst: [] };
  try {
    const plain = new PlainProject(join(root, 'templates', TEMPLATE, 'project'), toolchainNode(layersDir));
    await plain.install();
    await plain.build();
    const app = (await server.createFromTemplate(TEMPLATE)).id;
    const { site_url: site } = await server.mustPublish(app);
    const page = await server.read(app, 'index.html');
    const source = await server.read(app, ENTRY);
    for (let run = 0; run < runs; run++) {
      const marker = `edition ${run}`;
      const files = { 'index.html': page.replace(/<title>.*<\/title>/, `<title>${marker}</title>`), [ENTRY]: `${source}\n// ${marker}\n` };
      await server.write(app, files);
      samples.changed.push((await timed(() => published(server, app, site, marker))).ms);
      for (const [path, text] of Object.entries(files)) await writeFile(join(plain.dir, path), text);
      samples.plainChanged.push((await timed(() => plain.build())).ms);
    }
    for (let run = 0; run < runs; run++) {
      samples.unchanged.push((await timed(() => released(server, app, site))).ms);
    }
    for (let run = 0; run < (quick ? 1 : 3); run++) {
      await firstEver(root, samples);
      plain.removePackages();
      samples.plainFirst.push((await timed(async () => {
        await plain.install();
        await plain.build();
      })).ms);
    }
    plain.remove();
  } finally {
    await server.remove();
  }
  return {
    id: 'F5',
    what: 'publish: from the request to the release serving',
    goal: 'changed ≤ 1.15 × `vite build` alone; unchanged ≤ 150 ms; first ≤ 1.15 × `npm ci && vite build`',
    rows: [
      { name: 'two files changed', ours: summary(samples.changed), peer: summary(samples.plainChanged) },
      { name: 'unchanged', ours: summary(samples.unchanged) },
      { name: 'first ever: nothing installed', ours: summary(samples.first), peer: summary(samples.plainFirst) },
    ],
    failures: 0,
    note: 'Peer of changed: `vite build` in a plain directory with the same Node.js. Peer of first: `npm ci`, then `vite build`. Ours checks, builds in a fresh sandbox, compresses three ways, stores, reads back and switches; the clock stops when a visitor gets the new page.',
  };
}

/** Publishes, and waits until a visitor sees `marker`. */
async function published(server, app, site, marker) {
  const { id } = await server.must('POST', `/v1/apps/${app}/publishes`, { json: {} });
  for (;;) {
    const answer = await get(site, { headers: { accept: 'text/html' } });
    if (answer.body.includes(marker)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (answer.status !== 200) throw new Error(`the site answers ${answer.status}`);
    const publish = await server.must('GET', `/v1/apps/${app}/publishes/${id}`);
    if (publish.error) throw new Error(JSON.stringify(publish.error));
  }
}

/** Publishes what is published already, and waits for its release. */
async function released(server, app, site) {
  const { id } = await server.must('POST', `/v1/apps/${app}/publishes`, { json: {} });
  for (;;) {
    const publish = await server.must('GET', `/v1/apps/${app}/publishes/${id}`);
    if (publish.status === 'succeeded') {
      if (!publish.reused) throw new Error('an unchanged publish was built');
      break;
    }
    if (publish.error) throw new Error(JSON.stringify(publish.error));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const answer = await get(site, { headers: { accept: 'text/html' } });
  if (answer.status !== 200) throw new Error(`the site answers ${answer.status}`);
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
    const title = /<title>.*<\/title>/.exec(await server.read(app, 'index.html'))[0];
    const begun = performance.now();
    const { id, site_url: site } = await server.must('POST', `/v1/apps/${app}/publishes`, { json: {} });
    const end = await server.publishEnds(app, id);
    if (end.status !== 'succeeded') throw new Error(JSON.stringify(end.error));
    const answer = await get(site, { headers: { accept: 'text/html' } });
    if (!answer.body.includes(title)) throw new Error(`the site answers ${answer.status}`);
    samples.first.push(performance.now() - begun);
  } finally {
    await server.remove();
  }
}

