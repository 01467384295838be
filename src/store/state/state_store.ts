/**
 * Durable state: what must outlive a restart. One interface for each place where it may lie.
 *
 * @module
 */

import type { PairingStore } from "./pairing_store.ts";
import type { PushStore } from "./push_store.ts";

/** Error for a store that cannot be used. The message is for the operator, and has the remedy. */
export class StateStoreError extends Error {
  /** Makes the error from its message. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StateStoreError";
  }
}

/** Store of durable state. */
export interface StateStore extends UseCounters, PairingStore, PushStore {}

/** Counts of uses. */
export interface UseCounters {
  /**
   * Counts one use, unless as many as the limit are counted: of two claims for the last use, one succeeds. The use is on
   * disk when the promise settles.
   *
   * @param counter name of the counter
   * @param limit most uses
   * @returns whether the use is counted
   * @throws {Error} if the store fails; then the use may be counted
   */
  claimUse(counter: string, limit: number): Promise<boolean>;
  /**
   * Takes back one counted use, of what did not run after all.
   *
   * @param counter name of the counter
   * @throws {Error} if the store fails; then the use may still be counted
   */
  returnUse(counter: string): Promise<void>;
  /**
   * Returns the number of counted uses; 0 for an unknown counter.
   *
   * @throws {Error} if the store fails
   */
  readUses(counter: string): Promise<number>;
}
