/**
 * Rate limiter of one owner that needs no wait.
 *
 * @module
 */

/** Size of a bucket, and its clock. */
export interface TokenBucketOptions {
  /** Most operations at once. */
  readonly burst: number;
  /** Time after which a further operation is allowed, in milliseconds. */
  readonly everyMs: number;
  /** Clock that never jumps, in milliseconds. */
  readonly monotonic: () => number;
}

/** Bucket of tokens: each operation takes one, and one comes back after each interval. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #filledAt: number;

  /** Makes a full bucket. */
  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#filledAt = options.monotonic();
  }

  /** Takes a token; returns false if there is none. */
  tryTake(): boolean {
    const { burst, everyMs, monotonic } = this.#options;
    const now = monotonic();
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#filledAt) / everyMs);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
