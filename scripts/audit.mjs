// Asks the npm registry what is known against the packages that the builder's pages are bundled from, and judges it by
// web/audit-exceptions.json. Packages for development are left out: nothing of them is shipped.
//
// A registry that does not answer is no reason to believe anything: that is said, and fails with AUDIT_REQUIRED=1.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * What npm's report means. `exceptions` are `{ advisory, reason, until }`: which one, why it does not concern us, and the
 * day on which that is looked at again. One that has run out, or that nothing needs any more, is a fault of its own.
 */
export function judge(report, exceptions, today) {
  if (!report?.vulnerabilities) {
    return { checked: false, faults: [], why: report?.message ?? report?.error?.summary ?? 'no report' };
  }
  const found = new Map();
  for (const { via } of Object.values(report.vulnerabilities)) {
    // A text names another package of the report, which has its own entry.
    for (const one of via.filter((cause) => typeof cause === 'object')) {
      found.set(one.url.split('/').at(-1), `${one.name}: ${one.title} (${one.severity}, ${one.url})`);
    }
  }
  const faults = [];
  for (const [advisory, text] of found) {
    const exception = exceptions.find((one) => one.advisory === advisory);
    if (!exception) faults.push(text);
    else if (exception.until < today) faults.push(`${text}: its exception ran out on ${exception.until}`);
  }
  for (const one of exceptions) {
    if (!one.reason?.trim() || !/^\d{4}-\d{2}-\d{2}$/.test(one.until ?? '')) {
      faults.push(`the exception for ${one.advisory} lacks a reason or a day`);
    }
    if (!found.has(one.advisory)) faults.push(`the exception for ${one.advisory} is not needed any more`);
  }
  return { checked: true, faults, why: '' };
}

function main() {
  const web = new URL('../web/', import.meta.url);
  const exceptions = JSON.parse(readFileSync(new URL('audit-exceptions.json', web), 'utf8'));
  const flags = ['audit', '--json', '--omit=dev', '--package-lock-only'];
  const run = spawnSync('npm', flags, { cwd: web, encoding: 'utf8', timeout: 120_000 });
  let report;
  try {
    report = JSON.parse(run.stdout);
  } catch {
    report = { message: run.stderr.trim().split('\n').at(-1) };
  }
  const { checked, faults, why } = judge(report, exceptions, new Date().toISOString().slice(0, 10));
  if (!checked) {
    console.error(`── npm advisories NOT CHECKED: ${why}`);
    return process.env.AUDIT_REQUIRED === '1' ? 1 : 0;
  }
  for (const fault of faults) console.error(fault);
  console.log(`── npm advisories: ${faults.length} to act on`);
  return faults.length ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main();
