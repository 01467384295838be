/**
 * First-in, first-out queue.
 *
 * @module
 */

/** Items of a segment: few, as the first and the last one are partly empty. */
const SEGMENT_ITEMS = 32;

interface Segment<T> {
  readonly items: (T | undefined)[];
  next: Segment<T> | undefined;
}

/** First-in, first-out queue: a list of short arrays, so that no call moves or clears many items at once. */
export class FifoQueue<T> {
  #firstSegment: Segment<T> = { items: [], next: undefined };
  #lastSegment = this.#firstSegment;
  /** Index of the first item in its segment. */
  #head = 0;

  /** First item; undefined if the queue is empty. */
  get first(): T | undefined {
    return this.#firstSegment.items[this.#head];
  }

  /** Adds an item at the end. */
  push(item: T): void {
    if (this.#lastSegment.items.length === SEGMENT_ITEMS) {
      this.#lastSegment.next = { items: [], next: undefined };
      this.#lastSegment = this.#lastSegment.next;
      if (this.#head === SEGMENT_ITEMS) this.#removeSegment();
    }
    this.#lastSegment.items.push(item);
  }

  /** Removes the first item, and returns it. */
  shift(): T | undefined {
    const { items } = this.#firstSegment;
    if (this.#head === items.length) return undefined;
    const item = items[this.#head];
    // So that the item can be collected before its segment.
    items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === SEGMENT_ITEMS) this.#removeSegment();
    return item;
  }

  /** Removes the first segment, which is empty, if another one follows. */
  #removeSegment(): void {
    if (this.#firstSegment.next === undefined) return;
    this.#firstSegment = this.#firstSegment.next;
    this.#head = 0;
  }
}
