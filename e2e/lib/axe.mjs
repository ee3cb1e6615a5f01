// Looks at a page as axe does: WCAG 2.2 AA. What it finds is said by rule, place and reason.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const SOURCE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Places of one rule that are listed; more are counted. */
const LISTED = 5;

/**
 * Fails unless axe finds nothing in the page, or in the part of it that the selector `within` names. `without` is a list of
 * selectors that are left out, `rules` a list of rules not to look at: give the reason beside the call. Frames are not looked
 * into: what runs in a preview is not ours.
 */
export async function axe(page, { within, without = [], rules = [] } = {}) {
  await settled(page);
  await page.evaluate(SOURCE);
  const violations = await page.evaluate(
    async ({ within, without, rules, tags }) => {
      const context = { ...(within && { include: [[within]] }), exclude: without.map((part) => [part]) };
      const options = {
        iframes: false,
        resultTypes: ['violations'],
        runOnly: { type: 'tag', values: tags },
        rules: Object.fromEntries(rules.map((rule) => [rule, { enabled: false }])),
      };
      const found = await window.axe.run(within || without.length > 0 ? context : document, options);
      return found.violations.map(({ id, help, nodes }) => ({
        id,
        help,
        nodes: nodes.map(({ target, html, failureSummary }) => ({ target: target.join(' '), html, failureSummary })),
      }));
    },
    { within, without, rules, tags: TAGS },
  );
  if (violations.length > 0) throw new Error(`axe finds fault with ${page.url()}\n${violations.map(told).join('\n')}`);
}

/** Waits until nothing moves any more that is to end: colours in the middle of a transition are nobody's. */
export async function settled(page) {
  await page.evaluate(() => {
    const ends = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity);
    return Promise.all(ends.map((animation) => animation.finished.catch(() => undefined)));
  });
}

function told({ id, help, nodes }) {
  const places = nodes.slice(0, LISTED).map(({ target, html, failureSummary }) => {
    const reason = failureSummary.split('\n').slice(1).map((line) => line.trim()).join('; ');
    return `    ${target}\n      ${html.slice(0, 160)}\n      ${reason}`;
  });
  const more = nodes.length > LISTED ? `\n    and ${nodes.length - LISTED} more` : '';
  return `  ${id}: ${help}\n${places.join('\n')}${more}`;
}
