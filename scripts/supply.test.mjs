// The list of what a release is made of, and the judgement of advisories.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './audit.mjs';
import { ofThisTree } from './sbom.mjs';

test('the release names what is linked and bundled into it, with hashes, and what only built it as excluded', () => {
  const made = ofThisTree();
  const named = new Map(made.components.map((one) => [one['bom-ref'], one]));
  const scope = (prefix) => {
    const found = made.components.filter((one) => one['bom-ref'].startsWith(prefix));
    assert.ok(found.length > 0, prefix);
    return found[0].scope;
  };
  for (const inside of ['pkg:cargo/tokio@', 'pkg:cargo/rustls@', 'pkg:cargo/vitrine-jail@', 'pkg:npm/react@', 'pkg:npm/%40codemirror/view@']) {
    assert.equal(scope(inside), 'required', inside);
  }
  for (const tool of ['pkg:cargo/serde_derive@', 'pkg:cargo/syn@']) assert.equal(scope(tool), 'excluded', tool);
  const absent = ['pkg:cargo/proptest@', 'pkg:cargo/vitrine-fuzz@', 'pkg:cargo/libfuzzer-sys@', 'pkg:npm/vite@', 'pkg:npm/typescript@'];
  for (const one of made.components) assert.ok(!absent.some((prefix) => one['bom-ref'].startsWith(prefix)), one['bom-ref']);
  for (const one of made.components.filter((one) => !one.name.startsWith('vitrine-'))) {
    assert.match(one.hashes?.[0]?.content ?? '', /^[0-9a-f]{40,128}$/, one['bom-ref']);
  }
  const refs = new Set([...named.keys(), made.metadata.component['bom-ref']]);
  assert.equal(new Set(made.components.map((one) => one['bom-ref'])).size, made.components.length, 'each once');
  for (const { ref, dependsOn } of made.dependencies) {
    assert.ok(refs.has(ref), ref);
    for (const one of dependsOn) assert.ok(refs.has(one), `${ref} → ${one}`);
  }
  assert.deepEqual(ofThisTree(), made, 'the same tree, the same document');
});

const advisory = (id) => ({ name: 'x', title: 'a fault', severity: 'high', url: `https://github.com/advisories/${id}` });
const report = (...via) => ({ vulnerabilities: { x: { via }, y: { via: ['x'] } } });
const exception = (id, until) => ({ advisory: id, reason: 'not reached', until });

test('an advisory is a fault unless there is a reason that still holds', () => {
  const today = '2026-06-01';
  const faults = (...of) => judge(...of, today).faults.length;
  assert.equal(faults(report(), []), 0);
  assert.equal(faults(report(advisory('GHSA-1')), []), 1);
  assert.equal(faults(report(advisory('GHSA-1')), [exception('GHSA-1', '2026-06-01')]), 0);
  assert.equal(faults(report(advisory('GHSA-1')), [exception('GHSA-1', '2026-05-31')]), 1);
  assert.equal(faults(report(), [exception('GHSA-1', '2027-01-01')]), 1);
  assert.equal(faults(report(advisory('GHSA-1')), [{ advisory: 'GHSA-1', until: '2027-01-01' }]), 1);
});

test('no answer is not taken for a good one', () => {
  for (const none of [undefined, {}, { message: '405 Method Not Allowed' }, { error: { summary: 'offline' } }]) {
    assert.equal(judge(none, [], '2026-06-01').checked, false);
  }
});
