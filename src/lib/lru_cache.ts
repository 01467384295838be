/**
 * Cache of limited size.
 *
 * @module
 */
import { LinkedList, type Neighbours } from "./linked_list.ts";

/** Entry of a cache, between the entries that were used just before and after it. */
interface Entry<Key, Value> extends Neighbours<Entry<Key, Value>> {
  readonly key: Key;
  value: Value;
}

/** Map that evicts its least recently used entry when it is full. */
export class LruCache<Key, Value> {
  readonly #maxEntries: number;
  readonly #entries = new Map<Key, Entry<Key, Value>>();
  /** The entries, the least recently used first. */
  readonly #byUse = new LinkedList<Entry<Key, Value>>();

  /** Makes an empty cache that holds at most `maxEntries`. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** Returns whether there is an entry, without using it. */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Returns a value, whose entry becomes the most recently used; undefined if there is none. */
  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#byUse.moveToEnd(entry);
    return entry.value;
  }

  /** Sets a value, whose entry becomes the most recently used, and evicts the oldest entry beyond the limit. */
  set(key: Key, value: Value): void {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      return this.#byUse.moveToEnd(known);
    }
    const entry: Entry<Key, Value> = { key, value, previous: undefined, next: undefined };
    this.#entries.set(key, entry);
    this.#byUse.append(entry);
    const oldest = this.#byUse.first;
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.delete(oldest.key);
  }

  /** Iterates over the entries, the least recently used first, without using them. */
  *entries(): Generator<readonly [Key, Value], void, void> {
    for (let entry = this.#byUse.first; entry !== undefined; entry = entry.next) yield [entry.key, entry.value];
  }

  /** Removes an entry; returns whether it was there. */
  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#byUse.remove(entry);
    return this.#entries.delete(key);
  }
}
