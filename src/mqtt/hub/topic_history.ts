/**
 * The last messages of one broker connection, grouped by the levels of their topics: a device that sends much takes
 * from its own group, and loses its own messages first.
 *
 * @module
 */

/** Levels of topics by which messages are grouped: what differs only below them shares a group. */
const MAX_GROUP_LEVELS = 3;

/** Most groups beside each other; the topics of further ones share one more. */
const MAX_GROUPS = 64;

/** A message that is kept. */
export interface StoredEntry<T> {
  /** Greater than that of all entries before. */
  readonly offset: number;
  /** Bytes that it counts for. */
  readonly bytes: number;
  /** The message; undefined once it was evicted. */
  value: T | undefined;
  /** Evicts it, if it is the oldest of all: then it is the oldest of its group as well. */
  readonly group: { evict(): StoredEntry<T> };
}

/** Messages of one broker connection. */
export class TopicHistory<T> {
  readonly #root = new Group<T>(undefined, { depth: 0, base: -1 });

  /** Bytes of all messages together. */
  get bytes(): number {
    return this.#root.bytes;
  }

  /**
   * Adds the newest message.
   *
   * @param topic the topic it was published to
   */
  add(topic: string, entry: Omit<StoredEntry<T>, "group">): StoredEntry<T> {
    let group = this.#root;
    for (const level of topic.split("/", MAX_GROUP_LEVELS)) {
      group = group.below(level);
      if (group.isLast) break;
    }
    return group.add(entry);
  }

  /** Evicts the oldest message of the group that holds most: at each level, of its part that holds most. */
  evict(): StoredEntry<T> {
    let group = this.#root;
    for (let largest = group.largest(); largest !== undefined; largest = group.largest()) group = largest;
    return group.evict();
  }

  /**
   * Finds how much was lost: messages that match a filter and have a greater offset than this are all there.
   *
   * @returns an offset, or -1 where nothing was lost
   */
  floor(filter: string): number {
    return this.#root.floor(filter.split("/"));
  }
}

/** Messages whose topics begin with the same levels. */
class Group<T> {
  /** Bytes of all messages, with those of the groups below. */
  bytes = 0;
  readonly #parent: Group<T> | undefined;
  readonly #depth: number;
  /** Messages of the topic that ends here. Where there is nothing below, of all that begin so. */
  #own: StoredEntry<T>[] = [];
  /** Where the own messages begin in their array. */
  #first = 0;
  #ownBytes = 0;
  /** Below this, anything may be lost: before the group was made, its messages were in a shared one. */
  readonly #base: number;
  /** Greatest offset that was evicted of the own messages, and of any. */
  #ownFloor: number;
  #floor: number;
  readonly #groups = new Map<string, Group<T>>();
  /** All that has no group of its own here. */
  #shared: Group<T> | undefined;

  constructor(parent: Group<T> | undefined, { depth, base }: { readonly depth: number; readonly base: number }) {
    this.#parent = parent;
    this.#depth = depth;
    this.#base = base;
    this.#ownFloor = base;
    this.#floor = base;
  }

  /** Whether it has no groups below: its topics may have any further levels. */
  get isLast(): boolean {
    return this.#depth >= MAX_GROUP_LEVELS;
  }

  /** Finds the group of a level. */
  find(level: string): Group<T> {
    return this.#groups.get(level) ?? (this.#shared ??= new Group(this, { depth: MAX_GROUP_LEVELS, base: this.#base }));
  }

  /** Finds or makes the group of a level. */
  below(level: string): Group<T> {
    const found = this.#groups.get(level);
    if (found !== undefined) return found;
    const shared = this.find(level);
    // Messages of the level may be among the shared ones: a group that does not have them could not tell their loss.
    if (shared.bytes > 0) return shared;
    if (this.#groups.size >= MAX_GROUPS) this.#deleteEmpty(shared);
    if (this.#groups.size >= MAX_GROUPS) return shared;
    const made = new Group<T>(this, { depth: this.#depth + 1, base: shared.#floor });
    this.#groups.set(level, made);
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
    const entry = this.#own[this.#first];
    if (entry === undefined) throw new Error("No message to evict");
    entry.value = undefined;
    this.#first += 1;
    if (this.#first * 2 > this.#own.length) {
      this.#own = this.#own.slice(this.#first);
      this.#first = 0;
    }
    this.#ownBytes -= entry.bytes;
    this.#ownFloor = entry.offset;
    this.#count(-entry.bytes);
    this.#lose(entry.offset);
    return entry;
  }

  /** Finds the group below that holds most; undefined where its own messages are more. */
  largest(): Group<T> | undefined {
    let largest: Group<T> | undefined;
    let most = this.#ownBytes;
    for (const group of this.#below()) {
      if (group.bytes <= most) continue;
      largest = group;
      most = group.bytes;
    }
    return largest;
  }

  /** Finds the greatest offset that was lost of what the rest of a filter matches. */
  floor([level, ...rest]: readonly string[]): number {
    if (level === "#" || this.isLast) return this.#floor;
    if (level === undefined) return this.#ownFloor;
    if (level !== "+") return this.find(level).floor(rest);
    return Math.max(this.#base, ...[...this.#below()].map((group) => group.floor(rest)));
  }

  *#below(): Iterable<Group<T>> {
    yield* this.#groups.values();
    if (this.#shared !== undefined) yield this.#shared;
  }

  /** Deletes the empty group that lost its last message longest ago: that counts for the shared one from here on. */
  #deleteEmpty(shared: Group<T>): void {
    const [oldest] = [...this.#groups].filter(([, { bytes }]) => bytes === 0)
      .sort(([, one], [, other]) => one.#floor - other.#floor);
    if (oldest === undefined) return;
    const [level, group] = oldest;
    this.#groups.delete(level);
    shared.#lose(group.#floor);
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    if (this.#parent !== undefined) this.#parent.#count(bytes);
  }

  #lose(offset: number): void {
    this.#floor = Math.max(this.#floor, offset);
    if (this.#parent !== undefined) this.#parent.#lose(offset);
  }
}
