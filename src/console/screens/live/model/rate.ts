/**
 * Rate of messages, as an average in which older ones count less and less.
 *
 * @module
 */

/** Time after which a message counts 1/e, in milliseconds. */
const DECAY_MS = 10_000;

/** Least rate that is shown, in messages per second: about one in two decay times. */
const MIN_RATE = 0.05;

/** Rate of one source. */
export class Rate {
  #perSecond = 0;
  #at = 0;

  /** Counts a message. */
  count(now: number): void {
    this.#perSecond = this.#decayed(now) + 1000 / DECAY_MS;
    this.#at = now;
  }

  /** Returns the messages per second; 0 where there are almost none. */
  perSecond(now: number): number {
    const rate = this.#decayed(now);
    return rate < MIN_RATE ? 0 : rate;
  }

  #decayed(now: number): number {
    return this.#perSecond * Math.exp(-Math.max(0, now - this.#at) / DECAY_MS);
  }
}
