// Writes what a release is made of, as a CycloneDX 1.6 document (ECMA-424), beside the binary: the crates that are linked
// into it, as cargo resolves them, and the npm packages that are bundled into its pages, as their lockfile pins them.
//
//   node scripts/sbom.mjs <file>
//
// A function of Cargo.lock, web/package-lock.json and the platform: no time and no random number. Equal trees have equal
// documents. What only takes part in the building (build scripts, procedural macros) is named and marked `excluded`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const ROOT = new URL('..', import.meta.url).pathname;

/** The crates of the binary: cargo's graph from `vitrine-server`, without what is for tests. */
export function crates(metadata, lockText) {
  const packages = new Map(metadata.packages.map((one) => [one.id, one]));
  const nodes = new Map(metadata.resolve.nodes.map((one) => [one.id, one]));
  const checksums = checksumsOf(lockText);
  const root = metadata.packages.find((one) => one.name === 'vitrine-server').id;
  const isMacro = (id) => packages.get(id).targets.some((target) => target.kind.includes('proc-macro'));
  /** id → whether it is in the binary itself. */
  const reached = new Map();
  const visit = (id, isLinked) => {
    if (reached.get(id) || reached.get(id) === isLinked) return;
    reached.set(id, isLinked);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some((one) => one.kind === null)) visit(pkg, isLinked && !isMacro(pkg));
      else if (kinds.some((one) => one.kind === 'build')) visit(pkg, false);
    }
  };
  visit(root, true);
  const purl = (id) => `pkg:cargo/${packages.get(id).name}@${encodeURIComponent(packages.get(id).version)}`;
  const list = [...reached].map(([id, isLinked]) => {
    const { name, version, license, source } = packages.get(id);
    const checksum = checksums.get(`${name} ${version}`);
    return {
      ref: purl(id),
      component: {
        type: 'library', 'bom-ref': purl(id), name, version, purl: purl(id), scope: isLinked ? 'required' : 'excluded',
        ...(checksum && { hashes: [{ alg: 'SHA-256', content: checksum }] }),
        ...(license && { licenses: [{ expression: license.replaceAll('/', ' OR ') }] }),
      },
      isOurs: source === null,
      dependsOn: nodes.get(id).deps.map((dep) => dep.pkg).filter((pkg) => reached.has(pkg)).map(purl),
    };
  });
  return { root: purl(root), list };
}

function checksumsOf(lockText) {
  const entries = lockText.split('[[package]]').slice(1).map((entry) => {
    const field = (name) => entry.match(new RegExp(`^${name} = "(.*)"$`, 'm'))?.[1];
    return [`${field('name')} ${field('version')}`, field('checksum')];
  });
  return new Map(entries);
}

/** The npm packages that the pages are bundled from: everything in the lockfile that is not for development. */
export function npmPackages(lock) {
  const places = Object.entries(lock.packages).filter(([place, one]) => place && !one.dev && !one.devOptional);
  const nameOf = (place, one) => one.name ?? place.split('node_modules/').at(-1);
  const purl = (place, one) => {
    const name = nameOf(place, one).split('/').map(encodeURIComponent).join('/');
    return `pkg:npm/${name}@${encodeURIComponent(one.version)}`;
  };
  /** What `require(name)` finds from a place: the nearest folder upwards. */
  const find = (place, name) => {
    for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const found = `${at ? `${at}/` : ''}node_modules/${name}`;
      if (lock.packages[found]) return found;
      if (!at) return undefined;
      if (!at.includes('/node_modules/')) at = '';
    }
  };
  const refs = (place, names) =>
    names.map((name) => find(place, name)).filter(Boolean).map((found) => purl(found, lock.packages[found]));
  const list = places.map(([place, one]) => ({
    ref: purl(place, one),
    component: {
      type: 'library', 'bom-ref': purl(place, one), name: nameOf(place, one), version: one.version, purl: purl(place, one),
      scope: 'required',
      ...(one.integrity && { hashes: one.integrity.split(' ').map(hash) }),
      ...(one.license && { licenses: [{ expression: one.license }] }),
    },
    isOurs: false,
    dependsOn: refs(place, Object.keys(one.dependencies ?? {})),
  }));
  return { direct: refs('', Object.keys(lock.packages[''].dependencies ?? {})), list };
}

function hash(integrity) {
  const [algorithm, content] = integrity.split(/-(.*)/s);
  const alg = `SHA-${algorithm.slice('sha'.length)}`;
  return { alg, content: Buffer.from(content, 'base64').toString('hex') };
}

/** The whole document. */
export function document(rust, npm, version) {
  const pages = { ref: 'vitrine-web', dependsOn: npm.direct };
  const all = new Map([...rust.list, ...npm.list].map((one) => [one.ref, one]));
  const known = [...all.values()].filter((one) => one.ref !== rust.root).sort((a, b) => (a.ref < b.ref ? -1 : 1));
  const unique = (refs) => [...new Set(refs)].filter((ref) => all.has(ref)).sort();
  const body = {
    bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
    metadata: { component: { type: 'application', 'bom-ref': rust.root, name: 'vitrine', version } },
    components: [
      { type: 'library', 'bom-ref': pages.ref, name: 'vitrine-web', version, scope: 'required' },
      ...known.map((one) => one.component),
    ],
    dependencies: [
      { ref: rust.root, dependsOn: [...unique(all.get(rust.root).dependsOn), pages.ref] },
      { ref: pages.ref, dependsOn: unique(pages.dependsOn) },
      ...known.map((one) => ({ ref: one.ref, dependsOn: unique(one.dependsOn) })),
    ],
  };
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  // A UUID of version 8: made of a hash (RFC 9562, 5.8).
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return { $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', serialNumber: `urn:uuid:${uuid}`, ...body };
}

/** The document of the tree that this script stands in. */
export function ofThisTree() {
  const host = execFileSync('rustc', ['-vV'], { encoding: 'utf8' }).match(/^host: (.*)$/m)[1];
  const flags = ['metadata', '--locked', '--format-version', '1', '--filter-platform', host];
  const metadata = JSON.parse(execFileSync('cargo', flags, { encoding: 'utf8', cwd: ROOT, maxBuffer: 1 << 28 }));
  const read = (file) => readFileSync(new URL(file, `file://${ROOT}`), 'utf8');
  const version = metadata.packages.find((one) => one.name === 'vitrine-server').version;
  return document(crates(metadata, read('Cargo.lock')), npmPackages(JSON.parse(read('web/package-lock.json'))), version);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file] = process.argv.slice(2);
  if (!file) throw new Error('usage: node scripts/sbom.mjs <file>');
  const made = ofThisTree();
  writeFileSync(file, `${JSON.stringify(made, null, 1)}\n`);
  console.log(`── ${file}: ${made.components.length} components`);
}
