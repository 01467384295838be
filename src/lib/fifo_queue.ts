/**
 * A queue in which taking the first costs the same however long it is.
 *
 * @module
 */

/** Items in the order in which they were pushed. */
export class FifoQueue<T> {
  #items: T[] = [];
  #head = 0;

  /** The item that was pushed first, of those that are left. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** Adds an item at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes the first item, and returns it. */
  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (this.#head < this.#items.length) this.#head += 1;
    // Each item is moved at most once for each that was taken.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
