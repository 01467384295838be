/**
 * Share of this thread's time for one owner, whose work takes as long as others let it.
 *
 * @module
 */

/** Size of a share, and its clock. */
export interface TimeShareOptions {
  /** Longest work at once, in milliseconds; a little more where its last part takes longer. */
  readonly burstMs: number;
  /** Part of the time that comes back, above 0 and at most 1. */
  readonly share: number;
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Time that an owner has left: its work uses it up, and a part of all time comes back. */
export class TimeShare {
  readonly #options: TimeShareOptions;
  #left: number;
  #filledAt: number;

  /** Makes it with all its time left. */
  constructor(options: TimeShareOptions) {
    this.#options = options;
    this.#left = options.burstMs;
    this.#filledAt = options.monotonic();
  }

  /** Runs work that does not wait; returns false, without running it, if no time is left. */
  tryRun(work: () => void): boolean {
    const { burstMs, share, monotonic } = this.#options;
    const start = monotonic();
    this.#left = Math.min(burstMs, this.#left + (start - this.#filledAt) * share);
    this.#filledAt = start;
    if (this.#left <= 0) return false;
    try {
      work();
    } finally {
      // A machine that sleeps meanwhile must not cost hours.
      this.#left -= Math.min(monotonic() - start, burstMs);
    }
    return true;
  }
}
