// Packs .vite beneath the working directory onto standard output once Vite's optimizer is quiet:
// `path-length content-length LF path content` for every regular file. Links are not followed.
import { readdirSync, readFileSync, statSync, existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const QUIET_MS = 600;
const POLL_MS = 50;
const PATIENCE_MS = 45_000;
const RECORD = '.vite/deps/_metadata.json';

function state() {
  if (!existsSync(RECORD)) return undefined;
  if (readdirSync('.vite').some((name) => name.startsWith('deps_temp'))) return undefined;
  return `${statSync(RECORD).mtimeMs}`;
}

const started = Date.now();
let [last, since] = [undefined, Date.now()];
while (last === undefined || Date.now() - since < QUIET_MS) {
  const now = state();
  if (now !== last) [last, since] = [now, Date.now()];
  if (Date.now() - started > PATIENCE_MS) {
    console.error('the optimizer did not come to rest');
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

function write(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function pack(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith('deps_temp')) pack(path);
    if (!entry.isFile()) continue;
    const content = readFileSync(path);
    const name = Buffer.from(path);
    write(Buffer.concat([Buffer.from(`${name.length} ${content.length}\n`), name, content]));
  }
}
pack('.vite');
