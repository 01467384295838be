/**
 * Collection of objects that come and go.
 *
 * @module
 */

/** Object in a bag. */
export class BagItem<T> {
  #value: T | undefined;
  readonly #items: BagItem<T>[];
  #index: number;

  /** Adds an object to the items of a bag. */
  constructor(value: T, items: BagItem<T>[]) {
    this.#value = value;
    this.#items = items;
    this.#index = items.push(this) - 1;
  }

  /** The object; undefined once it is removed. */
  get value(): T | undefined {
    return this.#value;
  }

  /** Removes it; returns false if it was removed before. */
  remove(): boolean {
    if (this.#value === undefined) return false;
    this.#value = undefined;
    const last = this.#items.pop();
    if (last === undefined || last === this) return true;
    last.#index = this.#index;
    this.#items[this.#index] = last;
    return true;
  }
}

/**
 * Collection without an order, whose objects are added and removed in constant time.
 *
 * A Set or a Map of objects that come and go keeps removed ones in memory until the next full garbage collection, and with
 * them all that they refer to: V8 links each table that it outgrew to the next one. Until then, each collection of young
 * objects copies them.
 */
export class Bag<T> {
  readonly #items: BagItem<T>[] = [];

  /** Adds an object; the result removes it. */
  add(value: T): BagItem<T> {
    return new BagItem(value, this.#items);
  }

  /** Calls a function with each object, but not with one that was removed meanwhile. */
  forEach(call: (value: T) => void): void {
    for (const { value } of [...this.#items]) if (value !== undefined) call(value);
  }
}
