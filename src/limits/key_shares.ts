/**
 * A budget of bytes that all keys share, of which no key can take the others' part.
 *
 * @module
 */

/**
 * Bytes that each key holds of a budget. A key may hold no more than what it leaves free: one greedy key gets a half of
 * the budget, and something is left for the next one however many there are (dynamic thresholds, Choudhury and Hahne,
 * 1998).
 */
export class KeyShares {
  readonly #maxBytes: number;
  readonly #byKey = new Map<string, number>();
  #bytes = 0;

  /** Makes a budget of which nothing is taken. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that all keys hold together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a key may take so many bytes more. */
  hasRoom(kid: string, bytes: number): boolean {
    return (this.#byKey.get(kid) ?? 0) + bytes <= this.#maxBytes - this.#bytes;
  }

  /** Takes bytes for a key, whether it may or not. */
  take(kid: string, bytes: number): void {
    this.#byKey.set(kid, (this.#byKey.get(kid) ?? 0) + bytes);
    this.#bytes += bytes;
  }

  /** Gives bytes back that the key had taken. */
  release(kid: string, bytes: number): void {
    const left = (this.#byKey.get(kid) ?? 0) - bytes;
    if (left > 0) this.#byKey.set(kid, left);
    else this.#byKey.delete(kid);
    this.#bytes -= bytes;
  }
}
