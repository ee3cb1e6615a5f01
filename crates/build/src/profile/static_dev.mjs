// The dev server of static projects: serves the working directory on 127.0.0.1:$PORT, read fresh at every request,
// and reloads open pages when a file changes. No dependencies; runs on every offered Node.js.
import { createServer } from 'node:http';
import { createReadStream, watch } from 'node:fs';
import { realpath, stat, readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const ROOT = await realpath(process.cwd());
const EVENTS = '/__vitrine/reload';
const SETTLE_MS = 30;
const CLIENT = `<script type="module">{const s=new EventSource("${EVENTS}");let up=false;` +
  's.addEventListener("css",()=>{for(const l of document.querySelectorAll("link[rel~=stylesheet]")){' +
  'const u=new URL(l.href);if(u.origin===location.origin){u.searchParams.set("t",Date.now());l.href=u}}});' +
  's.addEventListener("reload",()=>location.reload());' +
  's.onopen=()=>{if(up)location.reload();up=true}}</script>';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.htm': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json', '.map': 'application/json', '.webmanifest': 'application/manifest+json',
  '.xml': 'application/xml', '.txt': 'text/plain; charset=utf-8', '.md': 'text/markdown; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8', '.vtt': 'text/vtt; charset=utf-8', '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif',
  '.webp': 'image/webp', '.avif': 'image/avif', '.ico': 'image/x-icon', '.bmp': 'image/bmp',
  '.woff': 'font/woff', '.woff2': 'font/woff2', '.ttf': 'font/ttf', '.otf': 'font/otf',
  '.mp3': 'audio/mpeg', '.wav': 'audio/wav', '.ogg': 'audio/ogg', '.m4a': 'audio/mp4',
  '.mp4': 'video/mp4', '.webm': 'video/webm', '.mov': 'video/quicktime', '.pdf': 'application/pdf',
};

const pages = new Set();

// The real path beneath the root that a URL path means, or undefined. Dot segments, hidden files and node_modules are
// never served; a symbolic link may not lead out.
async function locate(pathname) {
  let text;
  try {
    text = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  const segments = text.split('/').filter(Boolean);
  const hidden = (name) => (name.startsWith('.') && name !== '.well-known') || name === 'node_modules';
  if (/[\0\\]/.test(text) || segments.some(hidden)) return undefined;
  const candidates = [join(ROOT, ...segments), join(ROOT, ...segments, 'index.html')];
  if (segments.length > 0 && extname(text) === '') candidates.push(`${join(ROOT, ...segments)}.html`);
  for (const candidate of candidates) {
    try {
      const real = await realpath(candidate);
      const info = await stat(real);
      if (real.startsWith(ROOT + sep) && info.isFile()) return { path: real, size: info.size };
    } catch {
      // Not there: the next candidate.
    }
  }
  return undefined;
}

function withClient(html) {
  const at = html.search(/<\/head\s*>/i);
  if (at >= 0) return html.slice(0, at) + CLIENT + html.slice(at);
  // Never before the doctype: that would switch the page to quirks mode.
  return html + CLIENT;
}

function send(response, status, type, body, head) {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(head ? undefined : body);
}

// The one range of a `Range` header, or undefined: media elements need ranges to seek.
function rangeOf(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return start <= end ? { start, end } : undefined;
}

function stream(response, file, type, range, head) {
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  response.writeHead(range ? 206 : 200, {
    'Content-Type': type,
    'Content-Length': end - start + 1,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ...(range && { 'Content-Range': `bytes ${start}-${end}/${file.size}` }),
  });
  if (head || file.size === 0) return response.end();
  createReadStream(file.path, { start, end }).on('error', () => response.destroy()).pipe(response);
}

function subscribe(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.write('retry: 300\n\n');
  pages.add(response);
  response.on('close', () => pages.delete(response));
}

async function answer(request, response) {
  const head = request.method === 'HEAD';
  if (request.method !== 'GET' && !head) return send(response, 405, 'text/plain', 'Only GET and HEAD.\n', head);
  const { pathname } = new URL(request.url, 'http://127.0.0.1');
  if (pathname === EVENTS) return subscribe(response);
  const file = await locate(pathname);
  if (!file) {
    const page = await locate('/404.html');
    if (!page) return send(response, 404, 'text/plain; charset=utf-8', `There is no ${pathname}\n`, head);
    return send(response, 404, TYPES['.html'], withClient(await readFile(page.path, 'utf8')), head);
  }
  const isFolder = !pathname.endsWith('/') && file.path === join(ROOT, decodeURIComponent(pathname), 'index.html');
  if (isFolder) {
    response.writeHead(302, { Location: `${pathname.replace(/^\/+/, '/')}/` });
    return response.end();
  }
  const type = TYPES[extname(file.path).toLowerCase()] ?? 'application/octet-stream';
  if (type === TYPES['.html']) return send(response, 200, type, withClient(await readFile(file.path, 'utf8')), head);
  stream(response, file, type, rangeOf(request.headers.range, file.size), head);
}

let timer;
const changed = new Set();
watch(ROOT, { recursive: true }, (_event, name) => {
  if (!name || name.split(sep).some((part) => part.startsWith('.') || part === 'node_modules')) return;
  changed.add(name);
  clearTimeout(timer);
  timer = setTimeout(() => {
    const kind = [...changed].every((path) => path.endsWith('.css')) ? 'css' : 'reload';
    changed.clear();
    for (const page of pages) page.write(`event: ${kind}\ndata: 1\n\n`);
  }, SETTLE_MS);
});

createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.headersSent ? response.destroy() : send(response, 500, 'text/plain', 'The file could not be read.\n');
  });
}).listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`Serving the project's files on port ${process.env.PORT}`);
});
