/**
 * Budget of bytes that all keys share, and that no key can exhaust.
 *
 * @module
 */

/**
 * Bytes that each key holds of a budget. A key may hold at most as many as are free: one greedy key gets half of the
 * budget, and something is left for the next one, however many there are (dynamic thresholds, Choudhury and Hahne, 1998).
 */
export class KeyShares {
  readonly #maxBytes: number;
  readonly #byKey = new Map<string, number>();
  #bytes = 0;

  /** Creates an unused budget. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that all keys hold together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns whether a key may take that many bytes more. */
  hasRoom(kid: string, bytes: number): boolean {
    return (this.#byKey.get(kid) ?? 0) + bytes <= this.#maxBytes - this.#bytes;
  }

  /** Takes bytes for a key, even beyond its share. */
  take(kid: string, bytes: number): void {
    this.#byKey.set(kid, (this.#byKey.get(kid) ?? 0) + bytes);
    this.#bytes += bytes;
  }

  /** Releases bytes of a key. */
  release(kid: string, bytes: number): void {
    const left = (this.#byKey.get(kid) ?? 0) - bytes;
    if (left > 0) this.#byKey.set(kid, left);
    else this.#byKey.delete(kid);
    this.#bytes -= bytes;
  }
}
