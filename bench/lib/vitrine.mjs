// Vitrine under measurement, and its peer with the same Node.js.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { previewCookie } from '../../e2e/lib/http.mjs';
import { Server, until } from '../../e2e/lib/server.mjs';
import { loadPage, untilAnswers } from './page.mjs';

export const TEMPLATE = 'chat-classic';

/** A server that has made everything of its templates ahead: nothing of that runs beside what is measured. */
export async function startServer({ environment }) {
  const server = await Server.start({ environment });
  if (environment.VITRINE_INSTALL_WARM_TEMPLATES !== 'false') {
    await until('the templates made ahead', 600_000, () => server.log.includes('every template was looked at'));
  }
  return server;
}

/** The Node.js that sandboxes run: the peer uses the same one, so that only Vitrine differs. */
export function toolchainNode(layersDir) {
  const toolchains = join(layersDir, 'toolchains');
  const found = readdirSync(toolchains).map((name) => join(toolchains, name, 'bin/node')).filter((path) => existsSync(path));
  if (found.length === 0) throw new Error(`no toolchain below ${toolchains}`);
  return found.sort().at(-1);
}

/** A session's origin and the headers that open it. */
export async function opened(session) {
  const { origin } = new URL(session.preview_url);
  return { origin, headers: { cookie: await previewCookie(session.preview_url) } };
}

/** From a session on its way to `/` and every module answered; answers the times since `begun`. */
export async function untilPage(session, begun) {
  const { origin, headers } = await opened(session);
  await untilAnswers(origin, headers);
  const firstMs = performance.now() - begun;
  const modules = await loadPage(origin, headers);
  return { firstMs, allMs: performance.now() - begun, modules: modules.length };
}
