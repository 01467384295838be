/**
 * Waits before a client connects again.
 *
 * @module
 */
import { Backoff } from "./backoff.ts";

/**
 * Longest wait after an attempt that did not reach the server, in milliseconds: an attempt costs the server nothing, and
 * listeners wait for its return.
 */
const LONGEST_UNREACHED_MS = 2000;

/**
 * Backoff of two kinds: short waits between attempts that do not reach the server, and growing ones after connections
 * that soon end, as each costs the server work, and two clients may end each other's.
 */
export class ReconnectBackoff {
  readonly #attempts: Backoff;
  readonly #connections: Backoff;
  #wasReached = false;

  /**
   * Begins with the shortest waits.
   *
   * @param random returns a number from 0 up to but not including 1
   */
  constructor(random: () => number) {
    this.#attempts = new Backoff(random, LONGEST_UNREACHED_MS);
    this.#connections = new Backoff(random);
  }

  /**
   * Records that a connection ended, or that the server refused it: the next wait is one after a connection.
   *
   * @param lastedMs time for which it was of use, in milliseconds
   */
  connectionEnded(lastedMs: number): void {
    this.#attempts.reset();
    this.#connections.resetAfter(lastedMs);
    this.#wasReached = true;
  }

  /** Returns the wait before the next attempt, in milliseconds. */
  next(): number {
    const backoff = this.#wasReached ? this.#connections : this.#attempts;
    this.#wasReached = false;
    return backoff.next();
  }
}
