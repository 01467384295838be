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
/** Intervals without a look after which counting begins again: this process, or the server, was frozen. */
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

  /**
   * Counts a look.
   *
   * @param lease what the server answered; undefined if none holds the lease
   * @param now time of the answer on a clock that never jumps, in milliseconds
   * @returns whether to take the lease
   */
  look(lease: SeenLease | undefined, now: number): boolean {
    const isSame = isSameLease(lease, this.#seen);
    const isPaused = now - this.#lastLook > MAX_PAUSE * LEASE_INTERVAL_MS;
    this.#looks = isSame && !isPaused ? this.#looks + 1 : 1;
    this.#seen = lease;
    this.#lastLook = now;
    return lease === undefined || this.#looks >= LOOKS;
  }

  /** Begins again. */
  reset(): void {
    this.#seen = undefined;
    this.#looks = 0;
  }
}
