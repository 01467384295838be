/**
 * Detection of changes of the wall clock.
 *
 * @module
 */

/** Clocks to compare, and the handler of a step. */
export interface ClockWatchOptions {
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Returns the time of a clock that is never set, in milliseconds. */
  readonly monotonic: () => number;
  /**
   * Called after the wall clock was set.
   *
   * @param stepMs the change, in milliseconds; negative if it was set back
   */
  readonly onStep: (stepMs: number) => void;
}

/**
 * Change of the wall clock against the monotonic one from which it counts as set, in milliseconds. Time daemons slew smaller
 * differences, and a store that starts this much ahead of the clock accepts requests again within that time.
 */
export const CLOCK_TOLERANCE_MS = 5000;

/** Comparison of the wall clock with the monotonic one. A suspended machine is reported as a clock that was set ahead. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #offset: number;

  /** Starts with the current offset of the clocks. */
  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#offset = options.now() - options.monotonic();
  }

  /** Compares the clocks. Steps below the tolerance add up until they exceed it. */
  check(): void {
    const offset = this.#options.now() - this.#options.monotonic();
    const step = offset - this.#offset;
    if (Math.abs(step) <= CLOCK_TOLERANCE_MS) return;
    this.#offset = offset;
    this.#options.onStep(step);
  }
}
