/**
 * Set in the order of insertion.
 *
 * @module
 */

/** Value with its neighbours. */
interface Link<T> {
  readonly value: T;
  previous: Link<T> | undefined;
  next: Link<T> | undefined;
}

/**
 * Set that finds its first values at once. In a built-in Set they follow the holes that deleted values leave, and each
 * look at the front walks over all of them.
 */
export class LinkedSet<T> implements Iterable<T> {
  readonly #links = new Map<T, Link<T>>();
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;

  /** Number of values. */
  get size(): number {
    return this.#links.size;
  }

  /** Value that was added first; undefined if there is none. */
  get first(): T | undefined {
    return this.#first?.value;
  }

  /** Returns whether a value is there. */
  has(value: T): boolean {
    return this.#links.has(value);
  }

  /** Adds a value at the end, unless it is there. */
  add(value: T): void {
    if (this.#links.has(value)) return;
    const link: Link<T> = { value, previous: this.#last, next: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#links.set(value, link);
  }

  /** Removes a value; returns whether it was there. */
  delete(value: T): boolean {
    const link = this.#links.get(value);
    if (link === undefined) return false;
    this.#links.delete(value);
    if (link.previous === undefined) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === undefined) this.#last = link.previous;
    else link.next.previous = link.previous;
    return true;
  }

  /** Iterates over the values; each may be removed while it is the current one. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let link = this.#first; link !== undefined; link = link.next) yield link.value;
  }
}
