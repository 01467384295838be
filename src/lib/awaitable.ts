/**
 * Values that are there, or promised: to wait for a value that is there costs as much as much of the work of a request.
 *
 * @module
 */

/** Value, or a promise of it: a caller may use at once what is there. */
export type Awaitable<T> = T | Promise<T>;

/** Uses a value: at once if it is there, otherwise once its promise is fulfilled. */
export function andThen<T, Result>(value: Awaitable<T>, use: (value: T) => Awaitable<Result>): Awaitable<Result> {
  return value instanceof Promise ? value.then(use) : use(value);
}
