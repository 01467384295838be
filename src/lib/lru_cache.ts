/**
 * Cache of limited size.
 *
 * @module
 */

/** Entry of a cache, between the entries that were used just before and after it. */
interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
  older: Entry<Key, Value> | undefined;
  newer: Entry<Key, Value> | undefined;
}

/**
 * Map that evicts its least recently used entry when it is full.
 *
 * The order is a linked list, not that of the map: to find the first key of a map, the engine walks over all that were
 * deleted before it.
 */
export class LruCache<Key, Value> {
  readonly #maxEntries: number;
  readonly #entries = new Map<Key, Entry<Key, Value>>();
  #oldest: Entry<Key, Value> | undefined;
  #newest: Entry<Key, Value> | undefined;

  /** Makes an empty cache that holds at most `maxEntries`. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** Number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /** Key of the least recently used entry; undefined if there is none. */
  get oldest(): Key | undefined {
    return this.#oldest?.key;
  }

  /** Returns whether there is an entry, without using it. */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Returns a value, whose entry becomes the most recently used; undefined if there is none. */
  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#use(entry);
    return entry.value;
  }

  /** Sets a value, whose entry becomes the most recently used, and evicts the oldest entry beyond the limit. */
  set(key: Key, value: Value): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      this.#use(known);
      return;
    }
    const entry: Entry<Key, Value> = { key, value, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
    if (this.#entries.size > this.#maxEntries && this.#oldest !== undefined) this.delete(this.#oldest.key);
  }

  /** Removes an entry. */
  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#unlink(entry);
    return this.#entries.delete(key);
  }

  /** Removes all entries. */
  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  /** Returns the keys, the most recently used first. */
  keys(): Key[] {
    const keys: Key[] = [];
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) keys.push(entry.key);
    return keys;
  }

  #use(entry: Entry<Key, Value>): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #append(entry: Entry<Key, Value>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ older, newer }: Entry<Key, Value>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
