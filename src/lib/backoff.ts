/**
 * How long to wait between two tries.
 *
 * @module
 */

/** Longest wait before the first try, in milliseconds: most broken lines are whole again by then. */
const FIRST_MS = 500;

/** Longest wait of all, in milliseconds: a gateway that is back is found within this time. */
const LONGEST_MS = 30_000;

/**
 * Waits that double with each try, up to a bound. Each is drawn between half and all of it, so that many phones do
 * not come back to a gateway at the same instant.
 */
export class Backoff {
  #tries = 0;
  readonly #random: () => number;

  /** Begins with the shortest wait; `random` draws from 0 up to but not including 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Tells how long to wait before the next try, in milliseconds. */
  next(): number {
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries);
    this.#tries += 1;
    return bound * (1 + this.#random()) / 2;
  }

  /** Begins anew with the shortest wait. */
  reset(): void {
    this.#tries = 0;
  }
}
