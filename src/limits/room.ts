/**
 * Room for what is large, for which owners wait in order.
 *
 * @module
 */

/** Bounds of a room. */
export interface RoomOptions {
  /** Most that all owners together take. */
  readonly total: number;
  /** Most that one owner takes, if it is more than one thing. */
  readonly each: number;
}

/** Owner that waits for room. */
interface Waiting {
  readonly owner: string;
  readonly amount: number;
  readonly enter: () => void;
}

/** Room of which each owner may have its share. An owner that wants more waits; the one that has least comes first. */
export class Room {
  readonly #options: RoomOptions;
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #total = 0;

  /** Makes a room in which nothing is. */
  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /**
   * Takes room, once there is enough. What is larger than the share or the room comes alone.
   *
   * @param owner whom to count it for
   * @param signal ends the waiting with its reason
   * @returns the function that gives the room back, to be called once or more
   */
  async acquire(owner: string, amount: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (!this.#fits(owner, amount)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting: Waiting = { owner, amount, enter: resolve };
      const giveUp = () => {
        if (this.#waiting.delete(waiting)) reject(signal?.reason);
      };
      this.#waiting.add(waiting);
      signal?.addEventListener("abort", giveUp, { once: true });
      await promise.finally(() => signal?.removeEventListener("abort", giveUp));
    } else this.#add(owner, amount);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(owner, amount);
      isHeld = false;
    };
  }

  #fits(owner: string, amount: number): boolean {
    const own = this.#taken.get(owner) ?? 0;
    return (own === 0 || own + amount <= this.#options.each) &&
      (this.#total === 0 || this.#total + amount <= this.#options.total);
  }

  #add(owner: string, amount: number): void {
    this.#taken.set(owner, (this.#taken.get(owner) ?? 0) + amount);
    this.#total += amount;
  }

  #release(owner: string, amount: number): void {
    const rest = (this.#taken.get(owner) ?? 0) - amount;
    if (rest > 0) this.#taken.set(owner, rest);
    else this.#taken.delete(owner);
    this.#total -= amount;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#waiting.delete(next);
      this.#add(next.owner, next.amount);
      next.enter();
    }
  }

  /** Finds who comes next: the first one of the owner that has least. What does not fit into the rest is waited for. */
  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    let least = Infinity;
    for (const waiting of this.#waiting) {
      const own = this.#taken.get(waiting.owner) ?? 0;
      if (own >= least || (own > 0 && own + waiting.amount > this.#options.each)) continue;
      [next, least] = [waiting, own];
    }
    return next !== undefined && this.#fits(next.owner, next.amount) ? next : undefined;
  }
}
