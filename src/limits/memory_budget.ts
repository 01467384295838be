/**
 * Budget of bytes that wait for readers, limited for each key and for all keys together: events beyond each listener's
 * own queue, and large answers.
 *
 * @module
 */

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
  #bytes = 0;

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
   * Sets the bytes of a holder. Beyond an owner's share, evicts its largest holder; beyond the budget, evicts the largest
   * holder of the owner with the most bytes.
   *
   * @param bytes 0 if nothing is left
   */
  set(holder: BudgetHolder, bytes: number): void {
    const { owner } = holder;
    const account = this.#accounts.get(owner) ?? { bytes: 0, holders: new Map() };
    const change = bytes - (account.holders.get(holder) ?? 0);
    if (change === 0) return;
    account.bytes += change;
    this.#bytes += change;
    if (bytes > 0) account.holders.set(holder, bytes);
    else account.holders.delete(holder);
    if (account.holders.size > 0) this.#accounts.set(owner, account);
    else this.#accounts.delete(owner);
    while (account.bytes > this.shareBytes) largestOf(account).evict("share");
    while (this.#bytes > this.#maxBytes) largestOf(this.#largestAccount()).evict("total");
  }

  #largestAccount(): Account {
    return [...this.#accounts.values()].reduce((one, other) => other.bytes > one.bytes ? other : one);
  }
}

/** Bytes of one owner. */
interface Account {
  bytes: number;
  readonly holders: Map<BudgetHolder, number>;
}

/** Finds the largest holder, the oldest among equals, in an account that is not empty. */
function largestOf({ holders }: Account): BudgetHolder {
  return [...holders].reduce((one, other) => other[1] > one[1] ? other : one)[0];
}
