/**
 * Listeners to the outcome of work, for measuring it.
 *
 * @module
 */

/** Receivers of the outcome of work. They never throw. */
export interface OutcomeListeners {
  /** Called after a result. */
  readonly succeeded: () => void;
  /** Called after an error. */
  readonly failed: (error: unknown) => void;
}

/**
 * Runs work, and calls a listener after it: for a promise, when it settles, before those who wait for it go on.
 *
 * @returns the result itself, not another promise of it: callers wait no longer than for the work
 * @throws the error of the work
 */
export function watchOutcome<T>(work: () => T, { succeeded, failed }: OutcomeListeners): T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    failed(error);
    throw error;
  }
  if (result instanceof Promise) result.then(succeeded, failed);
  else succeeded();
  return result;
}
