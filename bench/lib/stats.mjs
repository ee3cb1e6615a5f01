// Figures from samples.

/** The p-th percentile (0–100) by the nearest rank. */
export function percentile(samples, p) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))];
}

/** What is reported of one measurement, in milliseconds. */
export function summary(samples) {
  const round = (value) => Math.round(value * 100) / 100;
  return {
    runs: samples.length,
    p50: round(percentile(samples, 50)),
    p95: round(percentile(samples, 95)),
    p99: round(percentile(samples, 99)),
    max: round(samples.reduce((most, sample) => Math.max(most, sample), 0)),
  };
}

/** How long `work` takes, in milliseconds, with its result. */
export async function timed(work) {
  const begun = performance.now();
  const result = await work();
  return { ms: performance.now() - begun, result };
}
