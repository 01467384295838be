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
 * Exponential backoff with jitter: bounds that double with each retry, and random waits between half and all of the bound,
 * so that many clients do not reconnect at the same moment.
 */
export class Backoff {
  #retries = 0;
  readonly #random: () => number;

  /** Begins with the shortest wait; `random` returns a number from 0 up to but not including 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Returns the wait before the next retry, in milliseconds. */
  next(): number {
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#retries);
    this.#retries += 1;
    return bound * (1 + this.#random()) / 2;
  }

  /** Begins again with the shortest wait. */
  reset(): void {
    this.#retries = 0;
  }
}
