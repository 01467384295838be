/**
 * Bytes that wait for readers, counted by key and bounded for all keys together: events beyond what each listener may
 * leave waiting, and large answers.
 *
 * @module
 */

/** Buffer that is counted in a budget. */
export interface BudgetHolder {
  /** Name of the key that it belongs to. */
  readonly owner: string;
  /**
   * Drops what it holds, and sets less for it in the budget.
   *
   * @param cause whether the owner's own share is exceeded, or the budget of all owners
   */
  evict(cause: EvictionCause): void;
}

/** Which bound an eviction is for. */
export type EvictionCause = "share" | "total";

/** Budget of bytes, of which no owner may use more than half. */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #accounts = new Map<string, Account>();
  #bytes = 0;

  /**
   * Makes an empty budget.
   *
   * @param maxBytes bound for all owners together
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
   * Sets how much a holder holds. Over its share, an owner loses its own largest holder; over the budget, the owner
   * that holds most in sum does.
   *
   * @param bytes 0 when nothing is left
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
