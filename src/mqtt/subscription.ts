/**
 * The subscriptions of one broker connection: one for each filter, however many listen to it.
 *
 * @module
 */
import { BrokerError, type QoS } from "./broker.ts";
import type { Snapshot } from "./snapshot.ts";
import { TopicTrie } from "./topic_trie.ts";

/** One filter that the broker was or will be asked for. */
export interface Subscription<Member> {
  /** Its number: the older, the smaller. */
  readonly id: number;
  /** The topic filter. */
  readonly filter: string;
  /** Those who asked for it. */
  readonly members: Set<Member>;
  /** What the broker may still be sending of what it retains. */
  readonly snapshots: Set<Snapshot<Member>>;
  /** Highest quality of service that the broker has granted; undefined while it has granted none. */
  qos: QoS | undefined;
  /** The offset after which no message was missed; undefined while the broker sends none. */
  liveSince: number | undefined;
  /** The offset of the last retained message. */
  lastRetained: number;
  /** Since when nobody listens, in milliseconds; undefined while somebody does. */
  emptySince: number | undefined;
}

/** Most filters of one connection: a bound for the broker's memory and for ours. */
const MAX_SUBSCRIPTIONS = 10_000;

/** Sorts subscriptions, the oldest first. */
export function byAge(one: { readonly id: number }, other: { readonly id: number }): number {
  return one.id - other.id;
}

/** All subscriptions of one connection. */
export class Subscriptions<Member> {
  readonly #byFilter = new Map<string, Subscription<Member>>();
  readonly #trie = new TopicTrie<Subscription<Member>>();
  #lastId = 0;

  /** How many there are. */
  get size(): number {
    return this.#byFilter.size;
  }

  /**
   * Makes room for some filters.
   *
   * @returns the subscriptions, of those that nobody listens to, that were deleted for it
   * @throws {BrokerError} if there are too many
   */
  makeRoom(filters: readonly string[]): readonly Subscription<Member>[] {
    const wanted = new Set(filters);
    const added = filters.filter((filter) => !this.#byFilter.has(filter)).length;
    const spare = this.size + added - MAX_SUBSCRIPTIONS;
    const unused = spare <= 0 ? [] : this.unused().filter(({ filter }) => !wanted.has(filter)).slice(0, spare);
    if (spare > unused.length) {
      throw new BrokerError(`Too many topic filters: more than ${MAX_SUBSCRIPTIONS} are in use`);
    }
    for (const subscription of unused) this.delete(subscription);
    return unused;
  }

  /** Adds a member to the subscriptions of some filters, which are made where they are new. */
  enlist(member: Member, filters: readonly string[]): Subscription<Member>[] {
    return filters.map((filter) => {
      const subscription = this.#byFilter.get(filter) ?? this.#add(filter);
      subscription.members.add(member);
      subscription.emptySince = undefined;
      return subscription;
    });
  }

  /** Finds the subscriptions that a topic matches, the oldest first. */
  match(topic: string): Subscription<Member>[] {
    const found = this.#trie.match(topic);
    return found.length < 2 ? found : found.sort(byAge);
  }

  /** The subscriptions that nobody listens to, the oldest first. */
  unused(): Subscription<Member>[] {
    return [...this].filter(({ members }) => members.size === 0);
  }

  /** Deletes a subscription. */
  delete(subscription: Subscription<Member>): void {
    if (this.#byFilter.get(subscription.filter) !== subscription) return;
    this.#byFilter.delete(subscription.filter);
    this.#trie.delete(subscription.filter);
  }

  /** All of them. */
  [Symbol.iterator](): Iterator<Subscription<Member>> {
    return this.#byFilter.values();
  }

  #add(filter: string): Subscription<Member> {
    this.#lastId += 1;
    const subscription: Subscription<Member> = {
      id: this.#lastId,
      filter,
      members: new Set(),
      snapshots: new Set(),
      qos: undefined,
      liveSince: undefined,
      lastRetained: 0,
      emptySince: undefined,
    };
    this.#byFilter.set(filter, subscription);
    this.#trie.add(filter, subscription);
    return subscription;
  }
}

/** Tells whether no message after an offset was missed. */
export function isLive<Member>({ liveSince }: Subscription<Member>, offset: number): boolean {
  return liveSince !== undefined && liveSince <= offset;
}

/** Tells whether a delivery is for a subscription, by the ids that came with it. */
export function isMeant<Member>({ id }: Subscription<Member>, meant: readonly number[] | undefined): boolean {
  return meant === undefined || meant.includes(id);
}
