/**
 * Budget of bytes that wait for readers, limited for each key and for all keys together: events beyond each listener's
 * own queue, and large answers.
 *
 * @module
 */
import { type HeapItem, MaxHeap } from "../lib/max_heap.ts";

/** Owner of buffered bytes; evicted when the budget is exceeded. */
export interface BudgetHolder {
  /** Name of its key. */
  readonly owner: string;
  /**
   * Drops its bytes, and sets fewer for it in the budget.
   *
   * @param cause whether the owner's own share is exceeded, or the budget of all owners
   */
  evict(cause: EvictionCause): void;
}

/** Limit that an eviction enforces. */
export type EvictionCause = "share" | "total";

/** Budget of bytes of which no owner may hold more than half. */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #accounts = new Map<string, Account>();
  readonly #largest = new MaxHeap<Account>(isLarger);
  #bytes = 0;
  /** Number of accounts and balances so far. */
  #created = 0;

  /**
   * Creates an unused budget.
   *
   * @param maxBytes limit of all owners together
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held by all owners. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Most bytes of one owner. */
  get shareBytes(): number {
    return this.#maxBytes / 2;
  }

  /**
   * Sets the bytes of a holder, in logarithmic time. Beyond an owner's share, evicts its largest holder; beyond the budget,
   * evicts the largest holder of the owner with the most bytes; among equals, the oldest one.
   *
   * @param bytes 0 if nothing is left
   */
  set(holder: BudgetHolder, bytes: number): void {
    const account = this.#accounts.get(holder.owner) ?? this.#open(holder.owner);
    this.#bytes += account.set(holder, bytes, this.#created++);
    if (account.bytes > 0) this.#largest.update(account);
    else this.#close(holder.owner, account);
    while (account.bytes > this.shareBytes) account.evictLargest("share");
    while (this.#bytes > this.#maxBytes) this.#largest.first?.evictLargest("total");
  }

  #open(owner: string): Account {
    const account = new Account(this.#created++);
    this.#accounts.set(owner, account);
    this.#largest.update(account);
    return account;
  }

  #close(owner: string, account: Account): void {
    this.#accounts.delete(owner);
    this.#largest.remove(account);
  }
}

/** Number of bytes with its rank in a heap. */
interface Ranked extends HeapItem {
  readonly bytes: number;
  /** Number of those that were created before it. */
  readonly order: number;
}

/** Bytes of one holder. */
interface Balance extends Ranked {
  readonly holder: BudgetHolder;
  bytes: number;
}

/** Bytes of one owner. */
class Account implements Ranked {
  readonly order: number;
  place = -1;
  bytes = 0;
  readonly #balances = new Map<BudgetHolder, Balance>();
  readonly #largest = new MaxHeap<Balance>(isLarger);

  constructor(order: number) {
    this.order = order;
  }

  /**
   * Sets the bytes of a holder. Returns by how much they changed.
   *
   * @param order rank of the holder if it had none
   */
  set(holder: BudgetHolder, bytes: number, order: number): number {
    const balance = this.#balances.get(holder);
    const change = bytes - (balance?.bytes ?? 0);
    this.bytes += change;
    if (balance === undefined) {
      if (bytes > 0) this.#add({ holder, bytes, order, place: -1 });
    } else if (bytes > 0) {
      balance.bytes = bytes;
      this.#largest.update(balance);
    } else {
      this.#balances.delete(holder);
      this.#largest.remove(balance);
    }
    return change;
  }

  #add(balance: Balance): void {
    this.#balances.set(balance.holder, balance);
    this.#largest.update(balance);
  }

  /** Evicts the largest holder of an account that is not empty. */
  evictLargest(cause: EvictionCause): void {
    this.#largest.first?.holder.evict(cause);
  }
}

function isLarger(one: Ranked, other: Ranked): boolean {
  return one.bytes !== other.bytes ? one.bytes > other.bytes : one.order < other.order;
}
