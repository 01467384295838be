/**
 * Deadlines, aborts and mutexes for promises. Uses only what Node 20 has: the client is built on it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Longest time that timers can measure, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits for work until an abort; after it, the outcome of the work is ignored. Platforms differ in which operations an
 * abort ends, and in the error.
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
  /** Makes the error of a timeout. */
  readonly timeoutError: () => Error;
  /** Ends the wait at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs work until the deadline or an abort.
 *
 * @param work aborted by its signal in both cases
 * @throws {Error} `timeoutError` after the deadline; the signal's reason after an abort
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

/** Runs one piece of work at a time, in the order of the calls. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs work once all earlier work has ended or failed, and returns its outcome. */
  runExclusive<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => {});
    return running;
  }
}

/** Mutex for each id. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs work once all earlier work of the same id has ended or failed, and returns its outcome. */
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
