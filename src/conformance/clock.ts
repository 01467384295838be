/**
 * Time, as far as the checks need it.
 *
 * @module
 */
import { Mismatch } from "./mismatch.ts";

/** A clock and an alarm. */
export interface Clock {
  /** The wall clock, in milliseconds since 1970. */
  now(): number;
  /** Calls a function once, after some milliseconds. Returns the function that calls it off. */
  after(ms: number, run: () => void): () => void;
}

/** Waits for some milliseconds. */
export function wait(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  return promise;
}

/** What is waited for, and how long. */
export interface Deadline {
  /** Where time comes from. */
  readonly clock: Clock;
  /** What has to come, in words that follow "no". */
  readonly what: string;
  /** Longest wait, in milliseconds. */
  readonly ms: number;
}

/**
 * Waits for something that has to come.
 *
 * @throws {Mismatch} if it does not come in time
 */
export async function within<T>(work: Promise<T>, { clock, what, ms }: Deadline): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = clock.after(ms, () => reject(new Mismatch(`No ${what} within ${ms / 1000} s`)));
  try {
    return await Promise.race([work, promise]);
  } finally {
    stop();
  }
}
