// Numbers and times, as each language writes them.
import { afterAll, expect, test } from "vitest";
import { startLanguage } from "../i18n/i18n";
import {
  agoOf,
  countOf,
  dateOf,
  dateTimeOf,
  durationOf,
  memoryOf,
  shortAgoOf,
  sizeOf,
  spanOf,
  untilOf,
} from "./format";

const NOON = "2026-01-02T12:00:00Z";
const now = Date.parse(NOON);
const later = (minutes: number) => new Date(now + minutes * 60_000).toISOString();

afterAll(() => startLanguage("en"));

test("German has its own comma, point and words", async () => {
  await startLanguage("de");
  expect(countOf(12_345)).toBe("12.345");
  expect([durationOf(1_400), sizeOf(4_000_000), memoryOf(8_400_000_000)]).toEqual([
    "1,4 s",
    "4,0 MB",
    "7,8 GiB",
  ]);
  expect(spanOf(200_000_000)).toBe("2 Tage");
  expect([shortAgoOf(NOON, now), shortAgoOf(later(-3), now), shortAgoOf(later(-1_500), now)]).toEqual([
    "gerade eben",
    "vor 3 Min.",
    "vor 1 Tag",
  ]);
  expect(agoOf(later(-1_440), now)).toBe("gestern");
  expect(untilOf(later(120), now)).toBe("in 2 Stunden");
  expect(dateOf(NOON)).toBe("02.01.2026");
});

test("English counts in thousands and puts the day before the month", async () => {
  await startLanguage("en");
  expect(countOf(12_345)).toBe("12,345");
  expect(dateOf(NOON)).toBe("2 Jan 2026");
  expect(untilOf(later(10_080), now)).toBe("next week");
  expect(untilOf(later(10_079), now)).toBe("in 7 days");
  expect(untilOf(later(-5), now)).toBe("now");
  expect(dateTimeOf("no time")).toBe("");
});
