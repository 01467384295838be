/**
 * Durable state in memory, for the demo and for tests.
 *
 * @module
 */
import type { StateStore } from "./state_store.ts";

/** Store that forgets everything at its end. */
export class MemoryState implements StateStore {
  readonly #uses = new Map<string, number>();

  /** Counts one use, as {@linkcode StateStore.claimUse} says. */
  claimUse(counter: string, limit: number): Promise<boolean> {
    const uses = this.#uses.get(counter) ?? 0;
    if (uses < limit) this.#uses.set(counter, uses + 1);
    return Promise.resolve(uses < limit);
  }

  /** Takes back one counted use. */
  returnUse(counter: string): Promise<void> {
    this.#uses.set(counter, Math.max(0, (this.#uses.get(counter) ?? 0) - 1));
    return Promise.resolve();
  }

  /** Returns the number of counted uses. */
  readUses(counter: string): Promise<number> {
    return Promise.resolve(this.#uses.get(counter) ?? 0);
  }
}
