/**
 * Work that must be done in time.
 *
 * @module
 */
import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";
import { RequestTimeoutError } from "../client/gateway_error.ts";

/** Longest time that timers can measure, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** How long to wait, and until when. */
export interface DeadlineOptions {
  /** Whose time it is. */
  readonly clock: Clock;
  /** Longest wait, in milliseconds. */
  readonly timeout: number;
  /** Ends the waiting at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does work until the time is over or the caller wants the end.
 *
 * @param work what to do; its signal is aborted in both cases
 * @throws {RequestTimeoutError} once the time is over
 * @throws the signal's reason, once it is aborted
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, timeout, signal }: DeadlineOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const stop = clock.after(timeout > 0 ? Math.min(timeout, LONGEST_MS) : 0, () => {
    over.abort(new RequestTimeoutError(`No answer within ${timeout / 1000} s: a call may have run all the same`));
  });
  const joined = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  try {
    return await abortable(work(joined), joined);
  } finally {
    stop();
  }
}
