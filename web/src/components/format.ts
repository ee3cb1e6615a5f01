// Numbers and times for people, in the language that is spoken. Units such as `ms`, `s`, `min` and `h` are everybody's.
import i18next from "i18next";
import { currentLanguage } from "../i18n/i18n";

const cache = new Map<string, Intl.NumberFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${currentLanguage()} ${JSON.stringify(options)}`;
  const format = cache.get(key) ?? new Intl.NumberFormat(currentLanguage(), options);
  cache.set(key, format);
  return format;
}

/** `1,842`, in German `1.842`. */
export function countOf(count: number): string {
  return numberFormat({ maximumFractionDigits: 0 }).format(count);
}

function withDigit(value: number): string {
  return numberFormat({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
}

/** `12 ms`, `1.4 s`, `2 min 5 s`. */
export function durationOf(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${withDigit(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A duration that still grows, calm to look at: `0.7 s`, `12.4 s`, `2 min 5 s`. */
export function growingDurationOf(ms: number): string {
  return ms < 59_950 ? `${withDigit(ms / 1000)} s` : durationOf(ms);
}

/** `512 B`, `12.3 KB`, `4.0 MB`. */
export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${withDigit(bytes / 1000)} KB`;
  return `${withDigit(bytes / 1_000_000)} MB`;
}

const MIB = 1024 * 1024;

/** Memory: `0 MiB`, `196 MiB`, `7.8 GiB`. */
export function memoryOf(bytes: number): string {
  const mib = Math.round(bytes / MIB);
  return mib < 1024 ? `${mib} MiB` : `${withDigit(bytes / MIB / 1024)} GiB`;
}

/** A span of time, roughly: `40 s`, `12 min`, `3 h`, `2 days`. */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  const days = numberFormat({ style: "unit", unit: "day", unitDisplay: "long" });
  return days.format(Math.floor(seconds / 86_400));
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** `5 minutes ago`; under a minute, and when the other clock is ahead, `now`. */
export function agoOf(time: string, nowMs: number): string {
  return relative(Math.max(0, nowMs - Date.parse(time)) / 1000);
}

/** `in 5 minutes`; what should have been already is `now`. */
export function untilOf(time: string, nowMs: number): string {
  return relative(Math.min(0, nowMs - Date.parse(time)) / 1000);
}

function relative(seconds: number): string {
  const format = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: "auto" });
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
    // What was set to end in a week ends in 7 days, not in 6 and a bit.
    if (-seconds >= length) return format.format(Math.round(-seconds / length), unit);
  }
  return format.format(0, "second");
}

/** `3 min ago`, where there is little room; under a minute, `just now`. */
export function shortAgoOf(time: string, nowMs: number): string {
  const minutes = Math.floor(Math.max(0, nowMs - Date.parse(time)) / 60_000);
  if (minutes < 1) return i18next.t("common:justNow");
  if (minutes < 60) return i18next.t("common:minutesAgo", { count: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return i18next.t("common:hoursAgo", { count: hours });
  return i18next.t("common:daysAgo", { count: Math.floor(hours / 24) });
}

/** English as it is written outside of America, too: the day before the month. */
function timeLocale(): string {
  const language = currentLanguage();
  return language === "en" ? "en-GB" : language;
}

/** `22 Nov 2026, 14:05:09`; empty for what is no time. */
export function dateTimeOf(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "";
  return new Intl.DateTimeFormat(timeLocale(), { dateStyle: "medium", timeStyle: "medium" }).format(at);
}

/** `22 Nov 2026`. */
export function dateOf(time: string): string {
  return new Intl.DateTimeFormat(timeLocale(), { dateStyle: "medium" }).format(new Date(time));
}

/** `14:05:09`. */
export function timeOf(time: string): string {
  return new Intl.DateTimeFormat(timeLocale(), { timeStyle: "medium" }).format(new Date(time));
}

/** `22 Nov`. */
export function dayOf(day: string): string {
  return new Intl.DateTimeFormat(timeLocale(), { day: "numeric", month: "short", timeZone: "UTC" }).format(
    new Date(day),
  );
}
