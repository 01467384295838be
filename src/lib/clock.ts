/**
 * Time, timers and waits.
 *
 * @module
 */
import { abortable } from "./async.ts";

/** A clock with timers. */
export interface Clock {
  /** Returns the time, in milliseconds since 1970. */
  now(): number;
  /** Returns the milliseconds since an arbitrary moment; never jumps. */
  monotonic(): number;
  /** Calls a function once, after that many milliseconds. Returns a function that cancels the call. */
  after(ms: number, run: () => void): () => void;
}

/** Clock of the platform. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Options for a wait. */
export interface SleepOptions {
  /** Clock that measures it. */
  readonly clock: Pick<Clock, "after">;
  /** Ends the wait at once. */
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
