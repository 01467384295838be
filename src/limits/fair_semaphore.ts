/**
 * Weighted semaphore that is fair among owners.
 *
 * @module
 */

/** Capacity of a semaphore. */
export interface FairSemaphoreOptions {
  /** Capacity for all owners together. */
  readonly total: number;
  /** Capacity for each owner. */
  readonly each: number;
}

/** Owner that waits for capacity. */
interface Waiter {
  readonly owner: string;
  readonly amount: number;
  readonly admit: () => void;
}

/** Weighted semaphore with a share for each owner. Beyond it owners wait; the one that holds least comes first. */
export class FairSemaphore {
  readonly #options: FairSemaphoreOptions;
  readonly #held = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  #total = 0;

  /** Creates a semaphore of which nothing is held. */
  constructor(options: FairSemaphoreOptions) {
    this.#options = options;
  }

  /**
   * Acquires an amount, once there is enough capacity. An amount beyond the share or the capacity is held alone.
   *
   * @param owner owner that it counts for
   * @param signal ends the wait; its reason is thrown
   * @returns the function that releases the amount, to be called once or more
   */
  async acquire(owner: string, amount: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (!this.#fits(owner, amount)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter: Waiter = { owner, amount, admit: resolve };
      const abort = () => {
        if (this.#waiters.delete(waiter)) reject(signal?.reason);
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", abort, { once: true });
      await promise.finally(() => signal?.removeEventListener("abort", abort));
    } else this.#add(owner, amount);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(owner, amount);
      isHeld = false;
    };
  }

  #fits(owner: string, amount: number): boolean {
    const own = this.#held.get(owner) ?? 0;
    return (own === 0 || own + amount <= this.#options.each) &&
      (this.#total === 0 || this.#total + amount <= this.#options.total);
  }

  #add(owner: string, amount: number): void {
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + amount);
    this.#total += amount;
  }

  #release(owner: string, amount: number): void {
    const rest = (this.#held.get(owner) ?? 0) - amount;
    if (rest > 0) this.#held.set(owner, rest);
    else this.#held.delete(owner);
    this.#total -= amount;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#waiters.delete(next);
      this.#add(next.owner, next.amount);
      next.admit();
    }
  }

  /** Finds the next waiter: the first one of the owner that holds least. One that does not fit yet blocks the others. */
  #next(): Waiter | undefined {
    let next: Waiter | undefined;
    let least = Infinity;
    for (const waiter of this.#waiters) {
      const own = this.#held.get(waiter.owner) ?? 0;
      if (own >= least || (own > 0 && own + waiter.amount > this.#options.each)) continue;
      [next, least] = [waiter, own];
    }
    return next !== undefined && this.#fits(next.owner, next.amount) ? next : undefined;
  }
}
