/**
 * First-in, first-out queue with removal in constant time.
 *
 * @module
 */

/** First-in, first-out queue. */
export class FifoQueue<T> {
  #items: T[] = [];
  #head = 0;

  /** First item; undefined if the queue is empty. */
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
    // Amortized: at most one item is copied for each one removed.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
