/**
 * The time, and waiting for it.
 *
 * @module
 */
import { abortable } from "./async.ts";

/** A clock with timers. */
export interface Clock {
  /** Tells the time, in milliseconds since 1970. */
  now(): number;
  /** Tells milliseconds since some moment, and never jumps. */
  monotonic(): number;
  /** Calls a function once, after that many milliseconds. Returns the function that prevents it. */
  after(ms: number, run: () => void): () => void;
}

/** The platform's own clock. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** How to wait. */
export interface SleepOptions {
  /** Clock that measures it. */
  readonly clock: Pick<Clock, "after">;
  /** Ends the waiting at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits, in milliseconds.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function sleep(ms: number, { clock, signal }: SleepOptions): Promise<void> {
  signal?.throwIfAborted();
  let stop = () => {};
  try {
    await abortable(new Promise<void>((resolve) => stop = clock.after(ms, resolve)), signal);
  } finally {
    stop();
  }
}
