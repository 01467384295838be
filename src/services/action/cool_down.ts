/**
 * Cool-downs: the least time between two runs of an action.
 *
 * @module
 */
import { ServiceError } from "../service.ts";

/** Longest `retry_after`, in seconds. */
const MAX_RETRY_SECONDS = 60;

/** Reserves runs, so that of two at the same time one is refused. */
export class CoolDowns {
  readonly #monotonic: () => number;
  /** End of the cool-down of each action, in milliseconds. */
  readonly #ends = new Map<string, number>();

  /** Makes cool-downs that have ended. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /**
   * Begins the cool-down of an action, which is the same for all keys.
   *
   * @returns the function that takes it back, where nothing was sent
   * @throws {ServiceError} if an earlier one has not ended
   */
  begin(name: string, ms: number | undefined): () => void {
    if (ms === undefined) return () => {};
    const now = this.#monotonic();
    this.#deleteEnded(now);
    const end = this.#ends.get(name);
    if (end !== undefined) {
      const seconds = Math.ceil((end - now) / 1000);
      // Clients add retry_after to the message.
      const later = seconds > MAX_RETRY_SECONDS ? `, and can run again in ${seconds} s` : "";
      throw new ServiceError(429, `The action ran just now${later}`, {
        code: "busy",
        retryAfterSeconds: Math.min(seconds, MAX_RETRY_SECONDS),
      });
    }
    const own = now + ms;
    this.#ends.set(name, own);
    return () => {
      if (this.#ends.get(name) === own) this.#ends.delete(name);
    };
  }

  #deleteEnded(now: number): void {
    for (const [name, end] of this.#ends) if (end <= now) this.#ends.delete(name);
  }
}
