// Numbers and times for people.

/** `12 ms`, `1.4 s`, `2 min 5 s`. */
export function durationOf(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A duration that still grows, calm to look at: `0.7 s`, `12.4 s`, `2 min 5 s`. */
export function growingDurationOf(ms: number): string {
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : durationOf(ms);
}

/** `512 B`, `12.3 KB`, `4.0 MB`. */
export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const MIB = 1024 * 1024;

/** Memory: `0 MiB`, `196 MiB`, `7.8 GiB`. */
export function memoryOf(bytes: number): string {
  const mib = Math.round(bytes / MIB);
  return mib < 1024 ? `${mib} MiB` : `${(bytes / MIB / 1024).toFixed(1)} GiB`;
}

/** A span of time, roughly: `40 s`, `12 min`, `3 h`, `2 days`. */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** `5 minutes ago`; under a minute, `now`. */
export function agoOf(time: string, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - Date.parse(time)) / 1000);
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
  }
  return format.format(0, "second");
}

/** `3 min ago`, where there is little room; under a minute, `just now`. */
export function shortAgoOf(time: string, nowMs: number): string {
  const minutes = Math.floor(Math.max(0, nowMs - Date.parse(time)) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "1 day ago" : `${days} days ago`;
}
