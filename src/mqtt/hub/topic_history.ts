/**
 * Messages of one broker connection, grouped by the first levels of their topics: a device that publishes much evicts
 * messages of its own group first.
 *
 * @module
 */
import { FifoQueue } from "../../lib/fifo_queue.ts";

/** Levels of a topic that form groups; topics that differ only below them share one. */
const MAX_GROUP_LEVELS = 3;

/** Most groups below one; further topics share one more group. */
const MAX_GROUPS = 64;

/** Entry of a history. */
export interface StoredEntry<T> {
  /** Greater than the offsets of all earlier entries. */
  readonly offset: number;
  /** Bytes that are counted for it. */
  readonly bytes: number;
  /** Its content; undefined after its eviction. */
  value: T | undefined;
  /** Group that evicts it, if it is the oldest of all: then it is the oldest of its group too. */
  readonly group: { evict(): StoredEntry<T> };
}

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
  add(topic: string, entry: Omit<StoredEntry<T>, "group">): StoredEntry<T> {
    let group = this.#root;
    for (const level of topic.split("/", MAX_GROUP_LEVELS)) {
      group = group.child(level);
      if (group.isLeaf) break;
    }
    return group.add(entry);
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
   * @returns the offset, or -1 if none was evicted
   */
  lastEvicted(filter: string): number {
    return this.#root.lastEvicted(filter.split("/"));
  }
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
  add({ offset, bytes, value }: Omit<StoredEntry<T>, "group">): StoredEntry<T> {
    const entry: StoredEntry<T> = { offset, bytes, value, group: this };
    this.#own.push(entry);
    this.#ownBytes += bytes;
    this.#count(bytes);
    return entry;
  }

  /** Evicts the oldest own message. */
  evict(): StoredEntry<T> {
    const entry = this.#own.shift();
    if (entry === undefined) throw new Error("No message to evict");
    entry.value = undefined;
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
    for (const group of this.#allChildren()) {
      if (group.bytes <= most) continue;
      largest = group;
      most = group.bytes;
    }
    return largest;
  }

  /** Returns the greatest offset that was evicted from what the remaining levels of a filter match. */
  lastEvicted([level, ...rest]: readonly string[]): number {
    if (level === "#" || this.isLeaf) return this.#floor;
    if (level === undefined) return this.#ownFloor;
    if (level !== "+") return (this.#children.get(level) ?? this.#overflowGroup()).lastEvicted(rest);
    return Math.max(this.#initialFloor, ...[...this.#allChildren()].map((group) => group.lastEvicted(rest)));
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
    const [oldest] = [...this.#children].filter(([, { bytes }]) => bytes === 0)
      .sort(([, one], [, other]) => one.#floor - other.#floor);
    if (oldest === undefined) return;
    const [level, group] = oldest;
    this.#children.delete(level);
    overflow.#raiseFloor(group.#floor);
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    if (this.#parent !== undefined) this.#parent.#count(bytes);
  }

  #raiseFloor(offset: number): void {
    this.#floor = Math.max(this.#floor, offset);
    if (this.#parent !== undefined) this.#parent.#raiseFloor(offset);
  }
}
