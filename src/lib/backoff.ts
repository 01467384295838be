/**
 * Waits between retries.
 *
 * @module
 */

/** Longest first wait, in milliseconds: most lost connections work again by then. */
const FIRST_MS = 500;

/** Longest wait of all, in milliseconds: a gateway that has restarted is found within this time. */
const LONGEST_MS = 30_000;

/**
 * Times the wait before it that a connection must last, so that the next wait is the first again. Two gateways that end
 * each other's connections do not get there: each connection lasts as long as the other one's wait, at most four times
 * one's own.
 */
const STABLE_WAITS = 8;

/**
 * Exponential backoff with jitter: bounds that double with each retry, and random waits between half and all of the bound,
 * so that many clients do not reconnect at the same moment.
 */
export class Backoff {
  #retries = 0;
  #last = 0;
  readonly #random: () => number;
  readonly #longestMs: number;

  /**
   * Begins with the shortest wait.
   *
   * @param random returns a number from 0 up to but not including 1
   * @param longestMs longest wait, in milliseconds
   */
  constructor(random: () => number, longestMs: number = LONGEST_MS) {
    this.#random = random;
    this.#longestMs = longestMs;
  }

  /** Returns the wait before the next retry, in milliseconds. */
  next(): number {
    const bound = Math.min(this.#longestMs, FIRST_MS * 2 ** this.#retries);
    this.#retries += 1;
    return this.#last = bound * (1 + this.#random()) / 2;
  }

  /** Begins again with the shortest wait. */
  reset(): void {
    this.#retries = 0;
  }

  /** Begins again with the shortest wait, if a connection lasted long enough, in milliseconds. */
  resetAfter(lastedMs: number): void {
    if (lastedMs >= STABLE_WAITS * this.#last) this.reset();
  }
}
