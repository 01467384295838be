/**
 * Cache of limited size.
 *
 * @module
 */

/** Map that evicts its least recently used entry when it is full. */
export class LruCache<Key, Value> {
  readonly #maxEntries: number;
  readonly #entries = new Map<Key, Value>();

  /** Makes an empty cache that holds at most `maxEntries`. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** Number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /** Returns whether there is an entry, without using it. */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Returns a value, whose entry becomes the most recently used; undefined if there is none. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  /** Sets a value, whose entry becomes the most recently used, and evicts the oldest entry beyond the limit. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxEntries) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  /** Removes an entry. */
  delete(key: Key): boolean {
    return this.#entries.delete(key);
  }

  /** Removes all entries. */
  clear(): void {
    this.#entries.clear();
  }

  /** Iterates over keys, the least recently used first. */
  keys(): IterableIterator<Key> {
    return this.#entries.keys();
  }
}
