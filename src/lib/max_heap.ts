/**
 * Collection that finds its largest item.
 *
 * @module
 */

/** Item of a heap. */
export interface HeapItem {
  /** Place in the heap, which the heap sets; -1 if it is in none. */
  place: number;
}

/** Binary heap: adds, removes and moves an item in time logarithmic in their number. */
export class MaxHeap<Item extends HeapItem> {
  readonly #isLarger: (one: Item, other: Item) => boolean;
  /** No item is larger than its parent, at half its place. */
  readonly #items: Item[] = [];

  /** Makes an empty heap with a strict order. */
  constructor(isLarger: (one: Item, other: Item) => boolean) {
    this.#isLarger = isLarger;
  }

  /** Largest item; undefined if there is none. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  /** Adds an item, or moves it after it became larger or smaller. */
  update(item: Item): void {
    if (item.place < 0) {
      item.place = this.#items.length;
      this.#items.push(item);
    }
    this.#siftUp(item);
    this.#siftDown(item);
  }

  /** Removes an item, if it is here. */
  remove(item: Item): void {
    if (item.place < 0) return;
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#put(last, item.place);
      this.update(last);
    }
    item.place = -1;
  }

  #siftUp(item: Item): void {
    while (item.place > 0) {
      const parent = this.#items[(item.place - 1) >>> 1];
      if (parent === undefined || !this.#isLarger(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #siftDown(item: Item): void {
    while (true) {
      const left = this.#items[2 * item.place + 1];
      const right = this.#items[2 * item.place + 2];
      const larger = left !== undefined && right !== undefined && this.#isLarger(right, left) ? right : left;
      if (larger === undefined || !this.#isLarger(larger, item)) return;
      this.#swap(larger, item);
    }
  }

  /** Exchanges the places of a child and its parent. */
  #swap(child: Item, parent: Item): void {
    const { place } = child;
    this.#put(child, parent.place);
    this.#put(parent, place);
  }

  #put(item: Item, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
