/**
 * Messages of one broker connection, grouped by the first levels of their topics: a device that publishes much evicts
 * messages of its own group first.
 *
 * @module
 */
import { FifoQueue } from "../../lib/fifo_queue.ts";
import type { TopicTrie, TriePoint } from "../topics/trie.ts";

/** Levels of a topic that form groups; topics that differ only below them share one. */
const MAX_GROUP_LEVELS = 3;

/** Most groups below one; further topics share one more group. */
const MAX_GROUPS = 64;

/** Entry of a history. */
export interface StoredEntry<T> {
  /** Greater than the offsets of all earlier entries. */
  readonly offset: number;
  /** Topic of the message. */
  readonly topic: string;
  /** Bytes that are counted for it. */
  readonly bytes: number;
  /** Its content; undefined after its eviction. */
  value: T | undefined;
  /** Group that evicts it, if it is the oldest of all: then it is the oldest of its group too. */
  readonly group: { evict(): StoredEntry<T> };
  /** Next older entry of the topic that is kept. */
  older: StoredEntry<T> | undefined;
  /** Next newer entry of the topic. */
  newer: StoredEntry<T> | undefined;
}

/** Message to store. */
export type NewEntry<T> = Pick<StoredEntry<T>, "offset" | "bytes" | "value">;

/** Messages of one broker connection. */
export class TopicHistory<T> {
  readonly #root = new Group<T>(undefined, { depth: 0, initialFloor: -1 });

  /** Bytes of all messages. */
  get bytes(): number {
    return this.#root.bytes;
  }

  /**
   * Adds the newest message.
   *
   * @param topic topic it was published to
   */
  add(topic: string, entry: NewEntry<T>): StoredEntry<T> {
    let group = this.#root;
    for (const level of topic.split("/", MAX_GROUP_LEVELS)) {
      group = group.child(level);
      if (group.isLeaf) break;
    }
    return group.add(topic, entry);
  }

  /**
   * Returns the kept messages after an offset whose topics match a filter, in order. Visits only groups that may have
   * some, and in them each topic once.
   */
  after(offset: number, filters: TopicTrie<unknown>): StoredEntry<T>[] {
    const found: StoredEntry<T>[] = [];
    this.#root.collect(found, { offset, filters, point: filters.start });
    return found.sort((one, other) => one.offset - other.offset);
  }

  /** Iterates over all kept messages, in no particular order. */
  [Symbol.iterator](): Generator<StoredEntry<T>, void, void> {
    return this.#root.entries();
  }

  /** Evicts the oldest message of the largest group: at each level, of the child with the most bytes. */
  evict(): StoredEntry<T> {
    let group = this.#root;
    for (let largest = group.largestChild(); largest !== undefined; largest = group.largestChild()) group = largest;
    return group.evict();
  }

  /**
   * Returns the greatest offset at which a message that matches a filter may have been evicted: all later ones are
   * kept.
   *
   * @param from offset up to which the result need not be exact
   * @returns the offset, or -1 if none was evicted
   */
  lastEvicted(filter: string, from = -1): number {
    return this.#root.lastEvicted(filter.split("/"), from);
  }
}

/** Messages to find in a group. */
interface GroupQuery {
  /** Offset after which they are. */
  readonly offset: number;
  /** Filters, any of which matches. */
  readonly filters: TopicTrie<unknown>;
  /** Point in the filters after the levels of the group. */
  readonly point: TriePoint;
}

/** Messages whose topics begin with the same levels. */
class Group<T> {
  /** Bytes of all messages, including those of child groups. */
  bytes = 0;
  readonly #parent: Group<T> | undefined;
  readonly #depth: number;
  /** Messages of the topic that ends here; in a leaf, of all topics that begin with its levels. */
  readonly #own = new FifoQueue<StoredEntry<T>>();
  #ownBytes = 0;
  /** Newest own message of each topic. */
  readonly #newest = new Map<string, StoredEntry<T>>();
  /** Offset of the newest message, including those of child groups. */
  #lastOffset = -1;
  /** Offset up to which messages may have been evicted before the group existed, from the overflow group. */
  readonly #initialFloor: number;
  /** Greatest offset that was evicted from the own messages. */
  #ownFloor: number;
  /** Greatest offset that was evicted from the own messages or those of child groups. */
  #floor: number;
  readonly #children = new Map<string, Group<T>>();
  /** Messages of all levels without a child group of their own. */
  #overflow: Group<T> | undefined;

  constructor(
    parent: Group<T> | undefined,
    { depth, initialFloor }: { readonly depth: number; readonly initialFloor: number },
  ) {
    this.#parent = parent;
    this.#depth = depth;
    this.#initialFloor = initialFloor;
    this.#ownFloor = initialFloor;
    this.#floor = initialFloor;
  }

  /** True if it has no child groups; its topics may have any further levels. */
  get isLeaf(): boolean {
    return this.#depth >= MAX_GROUP_LEVELS;
  }

  /** Returns the child group of a level, which it makes while there are fewer than the limit. */
  child(level: string): Group<T> {
    const found = this.#children.get(level);
    if (found !== undefined) return found;
    const overflow = this.#overflowGroup();
    // Messages of the level may be in the overflow group: a new group would miss their eviction.
    if (overflow.bytes > 0) return overflow;
    if (this.#children.size >= MAX_GROUPS) this.#deleteEmptyChild(overflow);
    if (this.#children.size >= MAX_GROUPS) return overflow;
    const made = new Group<T>(this, { depth: this.#depth + 1, initialFloor: overflow.#floor });
    this.#children.set(level, made);
    return made;
  }

  /** Adds the newest message. */
  add(topic: string, { offset, bytes, value }: NewEntry<T>): StoredEntry<T> {
    const older = this.#newest.get(topic);
    const entry: StoredEntry<T> = { offset, topic, bytes, value, group: this, older, newer: undefined };
    if (older !== undefined) older.newer = entry;
    this.#newest.set(topic, entry);
    this.#own.push(entry);
    this.#ownBytes += bytes;
    this.#count(bytes);
    this.#raiseLast(offset);
    return entry;
  }

  /** Adds the messages that a query selects to `found`, in no particular order. */
  collect(found: StoredEntry<T>[], { offset, filters, point }: GroupQuery): void {
    if (this.#lastOffset <= offset) return;
    for (const [topic, newest] of this.#newest) {
      if (newest.offset <= offset || !filters.matches(topic)) continue;
      for (let entry: StoredEntry<T> | undefined = newest; entry !== undefined; entry = entry.older) {
        if (entry.offset <= offset) break;
        found.push(entry);
      }
    }
    for (const [level, group] of this.#children) {
      const next = point.step(level);
      if (next !== undefined) group.collect(found, { offset, filters, point: next });
    }
    this.#overflow?.collect(found, { offset, filters, point });
  }

  /** Iterates over all messages, in no particular order. */
  *entries(): Generator<StoredEntry<T>, void, void> {
    for (const newest of this.#newest.values()) {
      for (let entry: StoredEntry<T> | undefined = newest; entry !== undefined; entry = entry.older) yield entry;
    }
    for (const group of this.#allChildren()) yield* group.entries();
  }

  /** Evicts the oldest own message. */
  evict(): StoredEntry<T> {
    const entry = this.#own.shift();
    if (entry === undefined) throw new Error("No message to evict");
    entry.value = undefined;
    // The oldest of its topic, too.
    if (entry.newer === undefined) this.#newest.delete(entry.topic);
    else entry.newer.older = undefined;
    this.#ownBytes -= entry.bytes;
    this.#ownFloor = entry.offset;
    this.#count(-entry.bytes);
    this.#raiseFloor(entry.offset);
    return entry;
  }

  /** Returns the child group with the most bytes; undefined if the own messages have more. */
  largestChild(): Group<T> | undefined {
    let largest: Group<T> | undefined;
    let most = this.#ownBytes;
    for (const group of this.#children.values()) {
      if (group.bytes <= most) continue;
      largest = group;
      most = group.bytes;
    }
    return this.#overflow !== undefined && this.#overflow.bytes > most ? this.#overflow : largest;
  }

  /** Returns the greatest offset that was evicted from what the remaining levels of a filter match. */
  lastEvicted([level, ...rest]: readonly string[], from: number): number {
    // No child group has a greater one.
    if (level === "#" || this.isLeaf || this.#floor <= from) return this.#floor;
    if (level === undefined) return this.#ownFloor;
    if (level !== "+") return (this.#children.get(level) ?? this.#overflowGroup()).lastEvicted(rest, from);
    let last = this.#initialFloor;
    for (const group of this.#allChildren()) {
      if (group.#floor > last) last = Math.max(last, group.lastEvicted(rest, Math.max(from, last)));
    }
    return last;
  }

  #overflowGroup(): Group<T> {
    return this.#overflow ??= new Group(this, { depth: MAX_GROUP_LEVELS, initialFloor: this.#initialFloor });
  }

  *#allChildren(): Iterable<Group<T>> {
    yield* this.#children.values();
    if (this.#overflow !== undefined) yield this.#overflow;
  }

  /** Deletes the empty child whose last eviction is oldest; from then on its floor is one of the overflow group. */
  #deleteEmptyChild(overflow: Group<T>): void {
    let oldest: { readonly level: string; readonly floor: number } | undefined;
    for (const [level, group] of this.#children) {
      if (group.bytes > 0 || (oldest !== undefined && oldest.floor <= group.#floor)) continue;
      oldest = { level, floor: group.#floor };
    }
    if (oldest === undefined) return;
    this.#children.delete(oldest.level);
    overflow.#raiseFloor(oldest.floor);
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    if (this.#parent !== undefined) this.#parent.#count(bytes);
  }

  #raiseLast(offset: number): void {
    this.#lastOffset = offset;
    if (this.#parent !== undefined) this.#parent.#raiseLast(offset);
  }

  #raiseFloor(offset: number): void {
    // Those above are at least as great.
    if (offset <= this.#floor) return;
    this.#floor = offset;
    if (this.#parent !== undefined) this.#parent.#raiseFloor(offset);
  }
}
