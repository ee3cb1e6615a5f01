// Loads what Vite's commands and plugins consist of, so that Node.js keeps it compiled. Run once per layer, over a project of our own.
import { readdirSync } from 'node:fs';
import module from 'node:module';
import { build, createServer } from 'vite';

const PLUGIN = /^(@vitejs\/plugin-|@tailwindcss\/vite$|@sveltejs\/vite-plugin-|@preact\/preset-vite$|vite-plugin-|vite-tsconfig-paths$)/;
const names = readdirSync('node_modules').flatMap((name) =>
  name.startsWith('@') ? readdirSync(`node_modules/${name}`).map((inner) => `${name}/${inner}`) : [name],
);
// One that cannot be loaded by itself is compiled when a project loads it.
for (const name of names.filter((name) => PLUGIN.test(name))) await import(name).catch(() => undefined);

const quiet = { configFile: false, logLevel: 'silent' };
await build({ ...quiet, build: { outDir: '/tmp/out' } });
const server = await createServer({ ...quiet, cacheDir: '/tmp/vite', server: { host: '127.0.0.1', port: 4173, strictPort: true } });
await server.listen();
for (const path of ['/', '/main.js', '/main.css']) {
  const answer = await fetch(`http://127.0.0.1:4173${path}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
}
await server.close();
module.flushCompileCache();
