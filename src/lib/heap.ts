/**
 * Priority queue whose items may change their priority.
 *
 * @module
 */

/** Item of at most one heap. */
export interface HeapItem {
  /** Index in the heap, which alone sets it; -1 outside. */
  heapIndex: number;
}

/** Binary heap: its first item is found in constant time; adding, deleting and updating one take logarithmic time. */
export class Heap<T extends HeapItem> {
  readonly #isBefore: (one: T, other: T) => boolean;
  readonly #items: T[] = [];

  /**
   * Makes an empty heap.
   *
   * @param isBefore whether an item comes before another: a strict order, which may change for an item that is updated
   */
  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore;
  }

  /** Item before all others; undefined if the heap is empty. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Number of items. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item that is in no heap. */
  add(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Moves an item whose priority has changed to its place. */
  update(item: T): void {
    const index = item.heapIndex;
    this.#rise(item, index);
    if (item.heapIndex === index) this.#sink(item, index);
  }

  /** Deletes an item. */
  delete(item: T): void {
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#place(last, item.heapIndex);
      this.update(last);
    }
    item.heapIndex = -1;
  }

  #rise(item: T, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex];
      if (parent === undefined || !this.#isBefore(item, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #sink(item: T, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#items[2 * index + 1];
      const right = this.#items[2 * index + 2];
      const child = left !== undefined && right !== undefined && this.#isBefore(right, left) ? right : left;
      if (child === undefined || !this.#isBefore(child, item)) break;
      const childIndex = child.heapIndex;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
