// Loads a dev server's page as a browser does: the document, then every module it imports, several at a time.
import http from 'node:http';
import { get } from '../../e2e/lib/http.mjs';

const AT_ONCE = 6;

/** Loads the page at `origin` with every module; answers the paths. Fails on the first answer that is not 200. */
export async function loadPage(origin, headers = {}) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  try {
    const page = await must(origin, '/', { accept: 'text/html', ...headers }, agent);
    const seen = new Set();
    let waiting = scriptsOf(page);
    while (waiting.length > 0) {
      waiting.forEach((path) => seen.add(path));
      const modules = await Promise.all(waiting.map(async (path) => importsOf(await must(origin, path, headers, agent), path)));
      waiting = [...new Set(modules.flat())].filter((path) => !seen.has(path));
    }
    return [...seen];
  } finally {
    agent.destroy();
  }
}

/** Asks until `/` answers 200; answers the body. */
export async function untilAnswers(origin, headers = {}, deadlineMs = 300_000) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await get(`${origin}/`, { headers: { accept: 'text/html', 'sec-fetch-mode': 'cors', ...headers } }).catch(() => undefined);
    if (answer?.status === 200) return answer.body;
    if (performance.now() > deadline) throw new Error(`${origin} did not answer: ${answer?.status} ${answer?.body.slice(0, 300)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function must(origin, path, headers, agent) {
  const answer = await get(`${origin}${path}`, { headers, agent });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body.slice(0, 200)}`);
  return answer.body;
}

function scriptsOf(html) {
  const tags = [...html.matchAll(/<script[^>]*type="module"[^>]*>/g)].map(([tag]) => /src="(\/[^"]+)"/.exec(tag)?.[1]);
  const inline = [...html.matchAll(/from\s+"(\/[^"]+)"/g)].map(([, path]) => path);
  return [...new Set([...tags.filter(Boolean), ...inline])];
}

function importsOf(source, base) {
  const patterns = [/\bfrom\s*["']([^"']+)["']/g, /\bimport\s*["']([^"']+)["']/g];
  // What documentation in comments imports, nobody asks for.
  const code = source.replace(/^\s*(\*|\/\/).*$/gm, '');
  const found = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, specifier]) => specifier));
  const local = found.filter((specifier) => specifier.startsWith('/') || specifier.startsWith('./') || specifier.startsWith('../'));
  return local.map((specifier) => {
    const url = new URL(specifier, `http://x${base}`);
    return url.pathname + url.search;
  });
}
