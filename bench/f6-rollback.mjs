// F6: rollback: from the request until visitors get the old release.
import http from 'node:http';
import { get } from '../e2e/lib/http.mjs';
import { staticSite } from '../e2e/lib/zip.mjs';
import { summary } from './lib/stats.mjs';
import { startServer } from './lib/vitrine.mjs';

export async function f6({ quick }) {
  const runs = quick ? 10 : 100;
  const environment = { VITRINE_INSTALL_WARM_TEMPLATES: 'false' };
  const server = await startServer({ environment });
  const samples = [];
  let failures = 0;
  try {
    const app = (await server.importZip('Back', staticSite('<h1>edition 0</h1>'))).id;
    const editions = [await server.mustPublish(app)];
    await server.write(app, { 'index.html': '<!doctype html><title>Back</title><h1>edition 1</h1>' });
    editions.push(await server.mustPublish(app));
    const site = editions[0].site_url;
    const agent = new http.Agent({ keepAlive: true });
    for (let run = 0; run < runs; run++) {
      const wanted = run % 2;
      const begun = performance.now();
      await server.must('POST', `/v1/apps/${app}/releases`, { json: { artifact: editions[wanted].artifact } });
      const answer = await get(site, { headers: { accept: 'text/html' }, agent });
      samples.push(performance.now() - begun);
      // The very first request after the answer must see it.
      if (!answer.body.includes(`edition ${wanted}`)) failures += 1;
    }
    agent.destroy();
  } finally {
    await server.remove();
  }
  return {
    id: 'F6',
    what: 'rollback: from the request until a visitor has the old page',
    goal: '≤ 10 ms on one node',
    rows: [{ name: 'promote, then the next request', ours: summary(samples) }],
    failures,
    note: 'A failure is a visitor who still got the newer page after the rollback was answered.',
  };
}
