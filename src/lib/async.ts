/**
 * Promises that end in time, can be aborted, or run one after the other. Uses only what Node 20 has: the client is built
 * on it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Longest time that timers can measure, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits for work, but not after an abort: platforms differ in what hears a signal, and in what they throw then. The
 * work's own outcome is ignored in that case.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let removeListener = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    removeListener = () => signal.removeEventListener("abort", abort);
  });
  try {
    return await Promise.race([aborted, work]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    removeListener();
  }
}

/** Time limit of some work. */
export interface DeadlineOptions {
  /** Clock that measures it. */
  readonly clock: Pick<Clock, "after">;
  /** Longest wait, in milliseconds. */
  readonly timeout: number;
  /** Makes the error that the work fails with after it. */
  readonly timeoutError: () => Error;
  /** Ends the wait at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does work until its time is over or the caller aborts.
 *
 * @param work aborted by its signal in both cases
 * @throws {Error} `timeoutError`, once the time is over; the signal's reason, once it is aborted
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, timeout, timeoutError, signal }: DeadlineOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = new AbortController();
  const stop = clock.after(timeout > 0 ? Math.min(timeout, MAX_TIMER_MS) : 0, () => deadline.abort(timeoutError()));
  const either = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
  try {
    return await abortable(work(either), either);
  } finally {
    stop();
  }
}

/** Waits until some work has ended or failed, but no longer than `ms` milliseconds. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([work.catch(() => {}), timeout]);
  clearTimeout(timer);
}

/** Runs work one after the other, in the order in which it comes. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs work once all earlier work has ended, however it ended, and passes on its outcome. */
  runExclusive<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => {});
    return running;
  }
}

/** Mutex for each id. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs work once all earlier work of the same id has ended, and passes on its outcome. */
  async runExclusive<T>(id: string, work: () => Promise<T>): Promise<T> {
    const running = (this.#last.get(id) ?? Promise.resolve()).then(work);
    const ended = running.catch(() => {});
    this.#last.set(id, ended);
    try {
      return await running;
    } finally {
      if (this.#last.get(id) === ended) this.#last.delete(id);
    }
  }
}
