/**
 * Rule by which a replica that does not hold the lease takes it. It counts looks, not time: a holder that renews is
 * seen, however slow all clocks and processes are.
 *
 * @module
 */

/** Interval of looks, and of renewals, in milliseconds. */
export const LEASE_INTERVAL_MS = 200;
/**
 * Looks in a row that see the same renewals, after which the holder counts as gone: it keeps the lease while it is 1 s
 * late, and is replaced within 1.5 s.
 */
export const LOOKS = 7;
/**
 * Intervals without a look, each with its way to the server, after which counting begins again: this process, or the
 * server, was frozen.
 */
const MAX_PAUSE = 3;

/** Lease as a look sees it. */
export interface SeenLease {
  /** Token of the holder. */
  readonly token: string;
  /** Number of its renewals. */
  readonly renewals: number;
}

/** Returns whether the lease is held under the same token as before, and was not renewed since. */
export function isSameLease(lease: SeenLease | undefined, before: SeenLease | undefined): boolean {
  return lease?.token === before?.token && lease?.renewals === before?.renewals;
}

/** Looks at the lease, of which only those count that the server answered. */
export class LeaseWatch {
  #seen: SeenLease | undefined;
  #looks = 0;
  #lastLook = -Infinity;
  /** Time that the answer to the last look took, in milliseconds. */
  #lastAnswerMs = 0;

  /**
   * Counts a look.
   *
   * @param lease what the server answered; undefined if none holds the lease
   * @param times times of the request and of its answer on a clock that never jumps, in milliseconds
   * @returns whether to take the lease
   */
  look(lease: SeenLease | undefined, { askedAt, now }: { readonly askedAt: number; readonly now: number }): boolean {
    const isSame = isSameLease(lease, this.#seen);
    const answerMs = now - askedAt;
    // A distant server answers each look late, one that was frozen only the look that waited meanwhile.
    const usualMs = Math.min(answerMs, this.#lastAnswerMs);
    const isPaused = now - this.#lastLook > MAX_PAUSE * (LEASE_INTERVAL_MS + usualMs);
    this.#looks = isSame && !isPaused ? this.#looks + 1 : 1;
    this.#seen = lease;
    this.#lastLook = now;
    this.#lastAnswerMs = answerMs;
    return lease === undefined || this.#looks >= LOOKS;
  }

  /** Begins again. */
  reset(): void {
    this.#seen = undefined;
    this.#looks = 0;
  }
}
