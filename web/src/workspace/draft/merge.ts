// Two people at different places of one file: both changes are kept without asking.
import { replacement } from "../editor/text";

/**
 * `base` with the changes that lead to `mine` and to `theirs`; null when those touch or overlap, because then only a
 * person can tell what is meant. Each side counts as one stretch, from its first to its last difference.
 */
export function mergeApart(base: string, mine: string, theirs: string): string | null {
  const ours = replacement(base, mine);
  const other = replacement(base, theirs);
  if (!ours) return theirs;
  if (!other) return mine;
  const [first, second] = ours.from <= other.from ? [ours, other] : [other, ours];
  // In one line, or in lines that touch, two changes may well be about the same thing.
  const between = base.slice(first.to, second.from);
  if (first.to > second.from || !between.includes("\n")) return null;
  return base.slice(0, first.from) + first.insert + between + second.insert + base.slice(second.to);
}
