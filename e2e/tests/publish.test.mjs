// From a draft to a site that strangers visit, and back to the one before.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { launch, open } from '../lib/browser.mjs';
import { get } from '../lib/http.mjs';
import { ADMIN_KEY, Server, binary, until } from '../lib/server.mjs';
import { staticSite, zip } from '../lib/zip.mjs';

let server;
let browser;

before(async () => {
  const environment = { VITRINE_PUBLISH_BUILD_TIMEOUT_SECS: '40' };
  server = await Server.start({ environment });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.remove();
});

const HTML = { accept: 'text/html' };

/** Adds a page of its own chunk to a React template, opened by a button: what an old tab asks for late. */
async function addLazyPage(app, text) {
  const main = await server.read(app, 'src/main.tsx');
  const probe = `import { useState } from 'react';
export function Probe() {
  const [page, setPage] = useState('');
  const load = async () => setPage((await import('./lazy')).text);
  return <button id="probe" style={{ position: 'fixed', bottom: 8, right: 8, zIndex: 9999 }} onClick={load}>${text} {page}</button>;
}
`;
  const files = { 'src/probe.tsx': probe, 'src/lazy.ts': `export const text = 'lazy of ${text}';\n` };
  if (!main.includes('./probe')) {
    files['src/main.tsx'] = `import { Probe } from './probe';\n${main.replace(/<App\s*\/>/, '<><App /><Probe /></>')}`;
  }
  await server.write(app, files);
}

test('a draft is published, opened by every address, published again and rolled back', async () => {
  const app = (await server.createFromTemplate('foundation')).id;
  await addLazyPage(app, 'first edition');
  const first = await server.mustPublish(app);
  assert.equal(first.reused, false);
  assert.deepEqual(first.steps.map((step) => step.status), Array(8).fill('done'));
  const site = first.site_url;
  const oldTab = await open(browser, site);
  await oldTab.getByText('first edition').waitFor();
  assert.deepEqual(oldTab.faults, [], 'nothing goes wrong in the page');

  const [release] = (await server.must('GET', `/v1/apps/${app}/releases`)).items;
  assert.equal(release.number, 1);
  assert.equal(release.current, true);
  for (const url of [release.permalink_url, release.cdn_url]) {
    const page = await open(browser, url);
    await page.getByText('first edition').waitFor();
    await page.context().close();
  }
  for (const address of ['/sign-in', '/somewhere/far/down']) {
    const deep = await open(browser, new URL(address, site).href);
    await deep.getByText('first edition').waitFor();
    await deep.context().close();
  }
  assert.equal((await get(new URL('/assets/missing.js', site).href)).status, 404, 'a missing asset is no page');

  await addLazyPage(app, 'second edition');
  const second = await server.mustPublish(app);
  const page = await open(browser, site);
  await page.getByText('second edition').waitFor();
  // The tab of before the publish asks for a chunk that the new release does not have.
  await oldTab.locator('#probe').click();
  await oldTab.getByText('lazy of first edition').waitFor();

  const begun = Date.now();
  await server.must('POST', `/v1/apps/${app}/releases`, { json: { artifact: first.artifact } });
  assert.match((await get(site, { headers: HTML })).body, /<div id="root">/);
  console.log(`rollback: ${Date.now() - begun} ms`);
  await page.reload();
  await page.getByText('first edition').waitFor();
  const still = await open(browser, second.permalink_url);
  await still.getByText('second edition').waitFor();
  const numbers = (await server.must('GET', `/v1/apps/${app}/releases`)).items.map(({ number, cause, current }) => ({ number, cause, current }));
  assert.deepEqual(numbers, [
    { number: 3, cause: 'promotion', current: true },
    { number: 2, cause: 'publish', current: false },
    { number: 1, cause: 'publish', current: false },
  ]);
});

test('an unchanged draft is published again without a build', async () => {
  const app = (await server.createFromTemplate('chat-classic')).id;
  const first = await server.mustPublish(app);
  const again = await server.mustPublish(app);
  assert.equal(again.reused, true);
  assert.equal(again.artifact, first.artifact);
  assert.equal(again.steps.find((step) => step.name === 'build').status, 'skipped');
});

test('an artifact is built anew by the command line and comes out the same', async () => {
  const app = (await server.createFromTemplate('chat-soft')).id;
  const { artifact } = await server.mustPublish(app);
  const run = promisify(execFile);
  const options = ['--app', app, '--url', `http://127.0.0.1:${server.port}`, '--key', ADMIN_KEY];
  const same = await run(binary, ['verify', artifact, ...options]);
  assert.match(same.stdout, /every file is the same/);
  const other = artifact.replace(/.$/, (last) => (last === '0' ? '4' : '0'));
  const missing = await run(binary, ['verify', other, ...options]).catch((error) => error);
  assert.equal(missing.code, 7);
  assert.match(missing.stderr, /There is no such/);
  assert.equal((await server.must('GET', `/v1/apps/${app}/releases`)).items.length, 1, 'nothing was released');
  const sbom = await server.must('GET', `/v1/apps/${app}/artifacts/${artifact}/sbom`);
  assert.equal((sbom.bomFormat ? sbom : JSON.parse(String(sbom))).bomFormat, 'CycloneDX');
});

test('an Astro site and a static one are published, with pages of their own and their own 404', async () => {
  const astro = (await server.createFromTemplate('baseline-landing')).id;
  const published = await server.mustPublish(astro);
  const page = await open(browser, published.site_url);
  await page.locator('h1').first().waitFor();
  assert.deepEqual(page.faults, [], 'the strict policy lets the page’s own inline scripts run');

  const files = { 'about/index.html': '<h1>about us</h1>', '404.html': '<h1>nothing here</h1>', 'style.css': 'h1 { color: red }' };
  const plain = (await server.importZip('Plain', staticSite('<h1>plain</h1>', files))).id;
  const site = (await server.mustPublish(plain)).site_url;
  assert.match((await get(new URL('/about/', site).href, { headers: HTML })).body, /about us/);
  const missing = await get(new URL('/nowhere', site).href, { headers: HTML });
  assert.equal(missing.status, 404);
  assert.match(missing.body, /nothing here/);
});

test('a publish that fails says why and leaves the release as it was', async () => {
  const app = (await server.createFromTemplate('chat-soft')).id;
  const good = await server.mustPublish(app);
  const before = await get(good.site_url, { headers: HTML });
  const broken = {
    'src/broken.tsx': 'export const Broken = () => <div>;\n',
    'src/main.tsx': `import './broken';\n${await server.read(app, 'src/main.tsx')}`,
  };
  await server.write(app, broken);
  const failed = await server.publish(app);
  assert.equal(failed.status, 'failed');
  assert.equal(failed.error.code, 'validation_failed');
  assert.equal(failed.error.errors[0].path, 'src/broken.tsx');
  assert.ok(failed.error.errors[0].line >= 1);
  const report = await server.must('POST', `/v1/apps/${app}/validate`);
  assert.equal(report.faults[0].path, 'src/broken.tsx');
  const after = await get(good.site_url, { headers: HTML });
  assert.equal(after.body, before.body);
  assert.equal(after.headers.etag, before.headers.etag);
});

test('a build that fails, builds nothing, runs for ever or wants the network is a failed publish with a reason', async () => {
  const build = (script) => ({
    'package.json': JSON.stringify({ name: 'odd', private: true, scripts: { build: 'node build.js' } }),
    'index.html': '<h1>odd</h1>',
    'build.js': script,
  });
  const page = "require('fs').mkdirSync('dist',{recursive:true});require('fs').writeFileSync('dist/index.html','<h1>built</h1>');";
  const cases = [
    { script: 'console.log("about to fail"); process.exit(3);', code: 'build_failed' },
    { script: 'console.log("nothing to do");', code: 'build_incomplete' },
    { script: `${page}require('fs').writeFileSync('dist/index.html','<script src="./gone.js"></script>');`, code: 'build_incomplete' },
    { script: `${page}require('fs').symlinkSync('/etc/passwd','dist/passwd');`, code: 'build_output_refused' },
    { script: 'fetch("http://127.0.0.1:1").catch(() => fetch("https://example.com")).then(() => process.exit(0), () => process.exit(9));', code: 'build_failed' },
    { script: 'for (;;) require("child_process").fork(__filename);', code: ['build_failed', 'sandbox_limit', 'publish_timed_out'] },
    { script: `const big = Buffer.alloc(64 << 20); for (let i = 0; ; i++) require('fs').writeFileSync('fill' + i, big);`, code: ['build_failed', 'sandbox_limit', 'publish_timed_out'] },
    { script: `${page}const line = 'x'.repeat(1 << 16); for (let i = 0; i < 4096; i++) console.log(line);`, code: null },
  ];
  const app = (await server.importZip('Odd', zip(build('')))).id;
  await server.must('PATCH', `/v1/apps/${app}`, {
    json: { profile: { kind: 'custom', dev: ['node', 'dev.js'], build: ['node', 'build.js'], output: 'dist' } },
  });
  for (const { script, code } of cases) {
    await server.write(app, { 'build.js': script });
    const publish = await server.publish(app);
    const expected = [code].flat();
    assert.ok(expected.includes(publish.error?.code ?? null), `${script.slice(0, 60)}: ${JSON.stringify(publish.error)}`);
    if (publish.error) assert.ok(publish.error.detail.length > 20, 'it says why');
  }
});

test('a publish is followed live, and cancelled with everything it runs', async () => {
  const files = {
    'package.json': JSON.stringify({ name: 'slow', private: true }),
    'index.html': '<h1>slow</h1>',
    'build.js': 'console.log("the build has begun"); setInterval(() => {}, 1000);',
  };
  const app = (await server.importZip('Slow', zip(files))).id;
  await server.must('PATCH', `/v1/apps/${app}`, {
    json: { profile: { kind: 'custom', dev: ['node', 'dev.js'], build: ['node', 'build.js'], output: 'dist' } },
  });
  const { id } = await server.must('POST', `/v1/apps/${app}/publishes`, { json: {} });
  const events = await fetch(`http://127.0.0.1:${server.port}/v1/apps/${app}/publishes/${id}/logs`, {
    headers: { authorization: 'Bearer vt_end-to-end-tests' },
  });
  let seen = '';
  let cancelled = false;
  for await (const chunk of events.body.pipeThrough(new TextDecoderStream())) {
    seen += chunk;
    if (!cancelled && seen.includes('the build has begun')) {
      cancelled = true;
      await server.must('POST', `/v1/apps/${app}/publishes/${id}/cancel`);
    }
    if (seen.includes('event: end')) break;
  }
  assert.ok(cancelled, 'the log was followed while the build ran');
  assert.match(seen, /"status":"cancelled"/);
  const again = await server.call('POST', `/v1/apps/${app}/publishes/${id}/cancel`);
  assert.equal(again.body.code, 'publish_over');
});

test('publishes at once end in the newest, and a rollback beside one stays', async () => {
  const app = (await server.importZip('Race', staticSite('<h1>edition 0</h1>'))).id;
  const first = await server.mustPublish(app);
  const ids = [];
  for (let edition = 1; edition <= 5; edition++) {
    await server.write(app, { 'index.html': `<!doctype html><title>Race</title><h1>edition ${edition}</h1>` });
    ids.push((await server.must('POST', `/v1/apps/${app}/publishes`, { json: {} })).id);
  }
  const ends = await Promise.all(ids.map((id) => server.publishEnds(app, id)));
  assert.equal(ends.at(-1).status, 'succeeded');
  for (const end of ends) assert.ok(['succeeded', 'superseded'].includes(end.status), end.status);
  assert.match((await get(first.site_url, { headers: HTML })).body, /edition 5/);

  await server.must('DELETE', `/v1/apps/${app}/releases/current`);
  assert.equal((await get(first.site_url, { headers: HTML })).status, 404);
  await server.must('POST', `/v1/apps/${app}/releases`, { json: { artifact: first.artifact } });
  assert.match((await get(first.site_url, { headers: HTML })).body, /edition 0/);
});

test('a draft is shown as a static preview behind a token, and the last good one stays', async () => {
  const app = (await server.importZip('Private', staticSite('<h1>not yet public</h1>'))).id;
  const built = await server.mustPublish(app, { target: 'preview', mode: 'development' });
  const page = await open(browser, built.permalink_url);
  await page.getByText('not yet public').waitFor();
  assert.ok(!page.url().includes('token'), 'the token has left the address');
  const { origin } = new URL(built.permalink_url);
  const stranger = await get(origin, { headers: HTML });
  assert.equal(stranger.status, 401);
  assert.ok(!stranger.body.includes('not yet public'));
  assert.equal((await server.must('GET', `/v1/apps/${app}`)).status, 'draft', 'a preview is no release');
});

test('an untouched template is published without a build, from what was built when the server started', async () => {
  const own = await Server.start({ environment: { VITRINE_PUBLISH_PREBUILD_TEMPLATES: 'true' } });
  try {
    await until('the templates built ahead', 300_000, () => own.log.includes('every template was built or looked at'));
    const app = (await own.createFromTemplate('chat-grid')).id;
    const publish = await own.mustPublish(app);
    assert.equal(publish.reused, true);
    assert.equal(publish.steps.find((step) => step.name === 'build').status, 'skipped');
    const page = await open(browser, publish.site_url);
    await page.locator('#root > *').first().waitFor();
    await page.context().close();
  } finally {
    await own.remove();
  }
});

test('kill -9 in the middle of publishes leaves the release serving and no publish running for ever', async () => {
  const own = await Server.start({ environment: { VITRINE_PUBLISH_LEASE_SECS: '1' } });
  try {
    const app = (await own.importZip('Killed', staticSite('<h1>edition 0</h1>'))).id;
    const { site_url: site } = await own.mustPublish(app);
    let serving = 0;
    for (let round = 1; round <= 5; round++) {
      await own.write(app, { 'index.html': `<!doctype html><title>Killed</title><h1>edition ${round}</h1>` });
      const { id } = await own.must('POST', `/v1/apps/${app}/publishes`, { json: {} });
      await new Promise((resolve) => setTimeout(resolve, round * 7));
      await own.killHard();
      await own.restart();
      const end = await own.publishEnds(app, id, 30_000);
      if (end.status === 'succeeded') serving = round;
      const shown = await until('an answer', 10_000, async () => {
        const answer = await get(site, { headers: HTML });
        return answer.status === 200 ? answer.body : undefined;
      });
      assert.match(shown, new RegExp(`edition ${serving}<`), `round ${round}: ${end.status}`);
    }
    assert.equal((await own.must('GET', `/v1/apps/${app}/publishes`)).items.filter((p) => p.status === 'running').length, 0);
  } finally {
    await own.remove();
  }
});
