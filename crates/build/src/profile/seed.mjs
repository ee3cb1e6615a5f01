// Runs before the dev server, in its own process: puts a mounted pre-bundle where Vite looks for it.
//
// A copy and not a mount over the layer: Vite replaces the folder by renaming it, which an overlay refuses (EXDEV) for
// folders that come from a lower directory.
import { cpSync, existsSync, renameSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const [from, staged, place] = ['/opt/prebundle/.vite', 'node_modules/.vite-seed', 'node_modules/.vite'];
// Workers inherit the flag that runs this.
if (isMainThread && !existsSync(place)) {
  try {
    cpSync(from, staged, { recursive: true });
    renameSync(staged, place);
  } catch (error) {
    console.error(`The pre-bundle is not used: ${error.message}`);
  }
}
