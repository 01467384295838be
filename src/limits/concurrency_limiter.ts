/**
 * Limiter of the number of operations at a time.
 *
 * @module
 */

/** Part of the total that is for ids without an operation: a few greedy ids cannot exclude all others. */
const RESERVED_PART = 0.25;

/** Limits of concurrent operations. */
export interface ConcurrencyLimiterOptions {
  /** Most operations of all ids together, the last quarter of them one for each id; unlimited by default. */
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
    const { each, total = Infinity } = this.#options;
    const most = count === 0 ? total : total - Math.floor(total * RESERVED_PART);
    if (count >= each || this.#total >= most) return undefined;
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
