// So many events a second, and a count of those that were too many.

/** What a person can follow, several times over; a page that logs in a loop does not slow itself down by being heard. */
export const MAX_EVENTS_A_SECOND = 50;

export class Budget {
  private begin = 0;
  private taken = 0;
  private dropped = 0;

  /** `false` when it is one too many; otherwise how many were before it and are to be told of. */
  take(now: number): number | false {
    this.turn(now);
    if (this.taken >= MAX_EVENTS_A_SECOND) {
      this.dropped += 1;
      return false;
    }
    this.taken += 1;
    return this.reset();
  }

  /** How many are to be told of because a second has passed without another event. */
  rest(now: number): number {
    this.turn(now);
    return this.isExhausted() ? 0 : this.reset();
  }

  isExhausted(): boolean {
    return this.dropped > 0 && this.taken >= MAX_EVENTS_A_SECOND;
  }

  private turn(now: number): void {
    // A clock that was set back begins a new second too.
    if (now - this.begin >= 1_000 || now < this.begin) {
      this.begin = now;
      this.taken = 0;
    }
  }

  private reset(): number {
    const dropped = this.dropped;
    this.dropped = 0;
    return dropped;
  }
}
