/**
 * Values that are there, or promised. `await` of a value that is there takes as long as some of the steps of a request.
 *
 * @module
 */

/** Value, or a promise of it: a caller may use at once what is there. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Uses a value: at once if it is there, otherwise once its promise is fulfilled.
 *
 * @throws what `use` throws, if the value is there; the promise rejects with it otherwise
 */
export function andThen<T, Result>(value: Awaitable<T>, use: (value: T) => Awaitable<Result>): Awaitable<Result> {
  return value instanceof Promise ? value.then(use) : use(value);
}
