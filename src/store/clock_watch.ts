/**
 * Notices when the wall clock is set.
 *
 * @module
 */

/** The clocks, and what to do when they part. */
export interface ClockWatchOptions {
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
  /**
   * Called when the wall clock was set.
   *
   * @param stepMs by how much, in milliseconds; negative if it was set back
   */
  readonly onStep: (stepMs: number) => void;
}

/**
 * How far the wall clock may part from the monotonic one before it counts as set, in milliseconds. Time daemons slew
 * smaller differences, and a memory that begins this much ahead of the clock is soon right by itself.
 */
export const CLOCK_TOLERANCE_MS = 5000;

/** Compares the wall clock with the monotonic one. A machine that was suspended looks like a clock that was set ahead. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #offset: number;

  /** Takes the clocks as they are for right. */
  constructor(options: ClockWatchOptions) {
    this.#options = options;
    this.#offset = options.now() - options.monotonic();
  }

  /** Looks at the clocks. Steps too small to count add up, until they do. */
  check(): void {
    const offset = this.#options.now() - this.#options.monotonic();
    const step = offset - this.#offset;
    if (Math.abs(step) <= CLOCK_TOLERANCE_MS) return;
    this.#offset = offset;
    this.#options.onStep(step);
  }
}
