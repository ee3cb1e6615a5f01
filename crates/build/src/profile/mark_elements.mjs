// Runs before the dev server, in its own process: has Vue's template compiler write into every element where it stands
// in the project, so that the builder's picker can tell. React needs no help, its elements know where they were made.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const ROOT = process.cwd();
// Node types of Vue's compiler (@vue/compiler-core, ast.ts).
const [ELEMENT, TEXT, ATTRIBUTE, PLAIN] = [1, 2, 6, 0];
const NAME = 'data-vitrine-at';

// Where a template begins in its file, for compilers before 3.4, which count from the template's own beginning.
function beginning({ ast, source, filename }) {
  const at = ast ? 0 : readFileSync(filename, 'utf8').indexOf(source);
  if (at < 0) return undefined;
  const before = ast ? [''] : readFileSync(filename, 'utf8').slice(0, at).split('\n');
  return { lines: before.length - 1, columns: before[before.length - 1].length };
}

function marking(options) {
  const file = relative(ROOT, options.filename).split(sep).join('/');
  if (options.isProd || options.preprocessLang || file.startsWith('..') || file.includes('node_modules/')) return options;
  const begin = beginning(options);
  if (!begin) return options;
  const mark = (node) => {
    if (node.type !== ELEMENT || node.tagType !== PLAIN || node.props.some((prop) => prop.name === NAME)) return;
    const { loc } = node;
    const column = loc.start.column + (loc.start.line === 1 ? begin.columns : 0);
    const content = `${file}:${loc.start.line + begin.lines}:${column}`;
    node.props.push({ type: ATTRIBUTE, name: NAME, nameLoc: loc, loc, value: { type: TEXT, content, loc } });
  };
  const { compilerOptions } = options;
  const nodeTransforms = [...(compilerOptions?.nodeTransforms ?? []), mark];
  return { ...options, compilerOptions: { ...compilerOptions, nodeTransforms } };
}

// Workers inherit the flag that runs this.
if (isMainThread) {
  try {
    const require = createRequire(join(ROOT, 'package.json'));
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    if ({ ...dependencies, ...devDependencies }.vue && require('vue/package.json').version.startsWith('3.')) {
      // The very object that Vite's plugin asks for its compiler.
      const compiler = require('vue/compiler-sfc');
      const { compileTemplate } = compiler;
      compiler.compileTemplate = (options) => {
        let marked = options;
        try {
          marked = marking(options);
        } catch {
          // Its elements are found by their component's file.
        }
        return compileTemplate(marked);
      };
    }
  } catch (error) {
    console.error(`Elements are not marked for the picker: ${error.message}`);
  }
}
