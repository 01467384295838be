/**
 * Limiter of the number of operations at a time.
 *
 * @module
 */

/** Limits of concurrent operations. */
export interface ConcurrencyLimiterOptions {
  /** Most operations of all ids together; unlimited by default. */
  readonly total?: number;
  /** Most operations of each id. */
  readonly each: number;
}

/** Limits concurrent operations, for each id and in total. */
export class ConcurrencyLimiter {
  readonly #options: ConcurrencyLimiterOptions;
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** Creates a limiter without operations. */
  constructor(options: ConcurrencyLimiterOptions) {
    this.#options = options;
  }

  /** Number of operations under way. */
  get size(): number {
    return this.#total;
  }

  /**
   * Begins an operation.
   *
   * @param id id that it counts for
   * @returns the function that ends it, to be called once or more; undefined at the limit
   */
  tryAcquire(id: string): (() => void) | undefined {
    const count = this.#counts.get(id) ?? 0;
    if (count >= this.#options.each || this.#total >= (this.#options.total ?? Infinity)) return undefined;
    this.#counts.set(id, count + 1);
    this.#total += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(id);
      isHeld = false;
    };
  }

  #release(id: string): void {
    const count = this.#counts.get(id) ?? 0;
    if (count > 1) this.#counts.set(id, count - 1);
    else this.#counts.delete(id);
    this.#total -= 1;
  }
}
