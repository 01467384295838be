/**
 * Work that is done at the first call, and not again.
 *
 * @module
 */

/** Makes a function that is called at most once, and whose result is shared. */
export function once<Args extends readonly unknown[], T>(
  run: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  let result: Promise<T> | undefined;
  return (...args) => result ??= run(...args);
}
