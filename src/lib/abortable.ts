/**
 * Waiting for work that may not hear an abort.
 *
 * @module
 */

/**
 * Waits for work, but not after an abort: platforms differ in what hears a signal, and in what they throw then. The
 * work's own outcome is left alone in that case.
 *
 * @throws the signal's reason, once it is aborted
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let forget = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    forget = () => signal.removeEventListener("abort", abort);
  });
  try {
    return await Promise.race([aborted, work]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    forget();
  }
}
