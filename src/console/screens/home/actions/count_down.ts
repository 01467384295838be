/**
 * Seconds until a time.
 *
 * @module
 */

/** Clock and receiver of a count. */
export interface CountDownOptions {
  /** Returns the time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Called with the seconds that are left, at once and at each change; with 0 at the end. */
  readonly onSeconds: (seconds: number) => void;
}

/**
 * Counts the seconds until a time, in milliseconds since 1970.
 *
 * @returns the function that ends the count
 */
export function countDown(end: number, { now, onSeconds }: CountDownOptions): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  function tell(): void {
    const left = end - now();
    const seconds = Math.max(0, Math.ceil(left / 1000));
    onSeconds(seconds);
    if (seconds > 0) timer = setTimeout(tell, left - (seconds - 1) * 1000);
  }
  tell();
  return () => clearTimeout(timer);
}
