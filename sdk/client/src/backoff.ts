// How long to wait before the next attempt.

const FIRST_MS = 250;
/** A server that restarts is back within seconds; one that is away for long must not be asked by thousands at once. */
const MOST_MS = 15_000;
/** Where the pause no longer grows. */
const MOST_DOUBLINGS = 6;

/** The number of the next attempt, from that of the one that failed. */
export function longerPause(attempt: number): number {
  return Math.min(attempt + 1, MOST_DOUBLINGS + 1);
}

/** The pause before attempt number `attempt`, from 1: doubled each time, by chance up to half of it shorter. */
export function pauseFor(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, MOST_DOUBLINGS));
  return Math.round(whole * (1 - random() / 2));
}
