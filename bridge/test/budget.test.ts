// So many events a second.
import { expect, test } from "vitest";
import { Budget, MAX_EVENTS_A_SECOND } from "../src/budget";

test("a second has its share, and what was more is counted and told with the next", () => {
  const budget = new Budget();
  const taken = Array.from({ length: MAX_EVENTS_A_SECOND + 7 }, () => budget.take(5_000));
  expect(taken.filter((allowed) => allowed === 0)).toHaveLength(MAX_EVENTS_A_SECOND);
  expect(taken.filter((allowed) => allowed === false)).toHaveLength(7);
  expect(budget.rest(5_500)).toBe(0);
  expect(budget.take(6_000)).toBe(7);
  expect(budget.take(6_000)).toBe(0);
});

test("what was dropped is told when nothing comes after it, and once", () => {
  const budget = new Budget();
  for (let n = 0; n < MAX_EVENTS_A_SECOND + 2; n += 1) budget.take(1_000);
  expect(budget.isExhausted()).toBe(true);
  expect([budget.rest(2_000), budget.rest(2_000)]).toEqual([2, 0]);
});

test("a clock that is set back does not silence a page", () => {
  const budget = new Budget();
  for (let n = 0; n < MAX_EVENTS_A_SECOND + 1; n += 1) budget.take(9_000);
  expect(budget.take(1_000)).toBe(1);
});
