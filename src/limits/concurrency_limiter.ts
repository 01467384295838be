/**
 * How much may be under way at a time.
 *
 * @module
 */

/** Bounds on what is under way. */
export interface ConcurrencyLimiterOptions {
  /** Most for all together; any number by default. */
  readonly total?: number;
  /** Most for each one. */
  readonly each: number;
}

/** Counts what is under way, for each one and in all. */
export class ConcurrencyLimiter {
  readonly #options: ConcurrencyLimiterOptions;
  readonly #each = new Map<string, number>();
  #total = 0;

  /** Makes a count with nothing under way. */
  constructor(options: ConcurrencyLimiterOptions) {
    this.#options = options;
  }

  /** How much is under way in all. */
  get size(): number {
    return this.#total;
  }

  /**
   * Begins something.
   *
   * @param id whom to count it for
   * @returns the function that ends it, to be called once or more; undefined if it is too much
   */
  tryAcquire(id: string): (() => void) | undefined {
    const count = this.#each.get(id) ?? 0;
    if (count >= this.#options.each || this.#total >= (this.#options.total ?? Infinity)) return undefined;
    this.#each.set(id, count + 1);
    this.#total += 1;
    let inside = true;
    return () => {
      if (inside) this.#release(id);
      inside = false;
    };
  }

  #release(id: string): void {
    const count = this.#each.get(id) ?? 0;
    if (count > 1) this.#each.set(id, count - 1);
    else this.#each.delete(id);
    this.#total -= 1;
  }
}
