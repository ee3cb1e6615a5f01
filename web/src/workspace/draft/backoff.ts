// Endless retrying with a growing, capped pause that anybody can cut short.
import { type ApiProblem, asProblem } from "../../api/problem";

const FIRST_MS = 400;
const CAP_MS = 10_000;

/** The pause before retry number `attempt` (from 0); `random` in [0, 1) spreads it over its last quarter. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full * (0.75 + random / 4));
}

/** Repeats what may still succeed. `onWaiting` hears why it waits, and null when it does not any more. */
export class Retry {
  #onWaiting: (problem: ApiProblem | null) => void;
  #endPause: (() => void) | undefined;

  constructor(onWaiting: (problem: ApiProblem | null) => void) {
    this.#onWaiting = onWaiting;
  }

  /** Repeats `call` until it succeeds or fails for good; signed out is not for good. */
  async untilFinal<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await call();
        this.#onWaiting(null);
        return answer;
      } catch (error) {
        const problem = asProblem(error);
        const mayPass = problem.isTransient || problem.status === 401;
        this.#onWaiting(mayPass ? problem : null);
        if (!mayPass) throw problem;
        await this.pause(attempt);
      }
    }
  }

  /** Waits as long as is right before retry number `attempt`. */
  pause(attempt: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endPause?.(), backoffMs(attempt, Math.random()));
      this.#endPause = () => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
    });
  }

  /** Ends the pause that is going on, if any. */
  now(): void {
    this.#endPause?.();
  }
}
