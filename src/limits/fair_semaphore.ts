/**
 * Weighted semaphore that is fair among owners.
 *
 * @module
 */
import { LinkedSet } from "../lib/linked_set.ts";
import { type HeapItem, MaxHeap } from "../lib/max_heap.ts";

/** Capacity of a semaphore. */
export interface FairSemaphoreOptions {
  /** Capacity for all owners together. */
  readonly total: number;
  /** Capacity for each owner. */
  readonly each: number;
}

/** Amount that waits for capacity. */
interface Waiter {
  readonly amount: number;
  /** Number of those that began to wait before it. */
  readonly order: number;
  readonly admit: () => void;
}

/** Owner that holds an amount, or waits for one. */
interface Owner extends HeapItem {
  readonly name: string;
  /** Amount that it holds. */
  held: number;
  readonly waiters: LinkedSet<Waiter>;
  /** No waiter has a smaller amount. */
  least: number;
  /** First waiter for which its share has room; undefined if there is none. */
  next: Waiter | undefined;
}

/** Weighted semaphore with a share for each owner. Beyond it owners wait; the one that holds least comes first. */
export class FairSemaphore {
  readonly #options: FairSemaphoreOptions;
  readonly #owners = new Map<string, Owner>();
  /** Owners with a next waiter: the one that holds least first; among equals, the one whose waiter waits longest. */
  readonly #ready = new MaxHeap<Owner>(comesBefore);
  #total = 0;
  #begun = 0;

  /** Creates a semaphore of which nothing is held. */
  constructor(options: FairSemaphoreOptions) {
    this.#options = options;
  }

  /**
   * Acquires an amount, once there is enough capacity. An amount beyond the share or the capacity is held alone.
   *
   * @param name owner that it counts for
   * @param signal ends the wait; its reason is thrown
   * @returns the function that releases the amount, to be called once or more
   */
  async acquire(name: string, amount: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const owner = this.#owners.get(name) ?? newOwner(name);
    this.#owners.set(name, owner);
    if (this.#hasShare(owner, amount) && this.#hasCapacity(amount)) this.#change(owner, amount);
    else await this.#wait(owner, amount, signal);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(owner, amount);
      isHeld = false;
    };
  }

  #hasShare({ held }: Owner, amount: number): boolean {
    return held === 0 || held + amount <= this.#options.each;
  }

  #hasCapacity(amount: number): boolean {
    return this.#total === 0 || this.#total + amount <= this.#options.total;
  }

  /** Changes what an owner holds. */
  #change(owner: Owner, amount: number): void {
    owner.held += amount;
    this.#total += amount;
    this.#update(owner);
  }

  async #wait(owner: Owner, amount: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { amount, order: this.#begun++, admit: resolve };
    owner.waiters.add(waiter);
    owner.least = Math.min(owner.least, amount);
    this.#update(owner);
    const abort = () => {
      if (!owner.waiters.delete(waiter)) return;
      this.#update(owner);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    await promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** Releases an amount, and admits the next waiters. One that does not fit yet blocks the others. */
  #release(owner: Owner, amount: number): void {
    this.#change(owner, -amount);
    for (let first = this.#ready.first; first?.next !== undefined; first = this.#ready.first) {
      const waiter = first.next;
      if (!this.#hasCapacity(waiter.amount)) return;
      first.waiters.delete(waiter);
      this.#change(first, waiter.amount);
      waiter.admit();
    }
  }

  /** Places an owner whose amount or waiters have changed. */
  #update(owner: Owner): void {
    owner.next = this.#findNext(owner);
    if (owner.next === undefined) this.#ready.remove(owner);
    else this.#ready.update(owner);
    if (owner.held === 0 && owner.waiters.size === 0) this.#owners.delete(owner.name);
  }

  #findNext(owner: Owner): Waiter | undefined {
    const { waiters } = owner;
    // Without this, each change of an owner at its share would search all its waiters.
    if (waiters.size === 0 || !this.#hasShare(owner, owner.least)) return undefined;
    let least = Infinity;
    for (const waiter of waiters) {
      if (this.#hasShare(owner, waiter.amount)) return waiter;
      least = Math.min(least, waiter.amount);
    }
    owner.least = least;
    return undefined;
  }
}

function newOwner(name: string): Owner {
  return { name, held: 0, waiters: new LinkedSet(), least: Infinity, next: undefined, place: -1 };
}

function comesBefore(one: Owner, other: Owner): boolean {
  return one.held !== other.held ? one.held < other.held : orderOf(one) < orderOf(other);
}

function orderOf({ next }: Owner): number {
  return next?.order ?? Infinity;
}
