/**
 * Waiting for an end, but not for ever.
 *
 * @module
 */

/** Waits until some work has ended, or failed to, and not longer than so many milliseconds. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  // What fails to end has ended.
  await Promise.race([work.catch(() => {}), promise]);
  clearTimeout(timer);
}
