/** Deadlines of tests: generous, because tests do not measure time. */

/**
 * Waits for work.
 *
 * @param name names the work in the error
 * @throws {Error} if it has not settled after `ms` milliseconds
 */
export async function within<T>(name: string, work: Promise<T>, ms = 20_000): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Did not happen in ${ms} ms: ${name}`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Polls a condition until it holds.
 *
 * @param name names the condition in the error
 * @throws {Error} if it does not hold after `ms` milliseconds
 */
export async function until(name: string, condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`Did not happen in ${ms} ms: ${name}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
