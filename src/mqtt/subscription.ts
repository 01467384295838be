/**
 * The subscriptions of one broker connection: one for each filter, however many listen to it.
 *
 * @module
 */
import { BrokerError, type BrokerMessage, type QoS } from "./broker.ts";
import type { Snapshot } from "./snapshot.ts";
import { deliveredFilter } from "./topic.ts";
import { TopicGrants } from "./topic_filter.ts";
import { TopicTrie } from "./topic_trie.ts";

/** One filter that the broker was or will be asked for. */
export interface Subscription<Member> {
  /** Its number: the older, the smaller. */
  readonly id: number;
  /** The topic filter. */
  readonly filter: string;
  /** Tells whether a topic that is delivered for it matches. */
  readonly matches: (topic: string) => boolean;
  /** Those who asked for it. */
  readonly members: Set<Member>;
  /** What the broker may still be sending of what it retains. */
  readonly snapshots: Set<Snapshot<Member>>;
  /** Highest quality of service that the broker has granted; undefined while it has granted none. */
  qos: QoS | undefined;
  /** The offset after which no message was missed; undefined while the broker sends none. */
  liveSince: number | undefined;
  /** Where in the order of messages the broker sent what it retains, as far as that is over. */
  readonly retained: RetainedWindow[];
  /** Since when nobody listens, in milliseconds; undefined while somebody does. */
  emptySince: number | undefined;
}

/** A part of the order of messages in which retained ones came, for those who had asked for them. */
export interface RetainedWindow {
  /** The offset from which those listened who asked for them. */
  readonly from: number;
  /** The offset of the last one. */
  readonly last: number;
}

/** Most filters of one connection: a bound for the broker's memory and for ours. */
const MAX_SUBSCRIPTIONS = 10_000;

/** Most filters to go on subscribing to for one owner's listeners that left: two streams with all that they may have. */
const MAX_ABANDONED = 200;

/** Most windows to remember apart; the oldest are joined. */
const MAX_WINDOWS = 16;

/** Sorts subscriptions, the oldest first. */
export function byAge(one: { readonly id: number }, other: { readonly id: number }): number {
  return one.id - other.id;
}

/** All subscriptions of one connection. */
export class Subscriptions<Member> {
  readonly #byFilter = new Map<string, Subscription<Member>>();
  readonly #byId = new Map<number, Subscription<Member>>();
  /** Those that nobody listens to, the longest empty first, and who left them. */
  readonly #abandoned = new Map<Subscription<Member>, string>();
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

  /** Adds a member to the subscriptions of some filters, which are made where they are new; the oldest comes first. */
  enlist(member: Member, filters: readonly string[]): Subscription<Member>[] {
    return filters.map((filter) => {
      const subscription = this.#byFilter.get(filter) ?? this.#add(filter);
      subscription.members.add(member);
      subscription.emptySince = undefined;
      this.#abandoned.delete(subscription);
      return subscription;
    }).sort(byAge);
  }

  /**
   * Notes that the last member of a subscription has left. What one owner leaves behind is bounded.
   *
   * @param left who left it, and when, in milliseconds
   * @returns the subscription that is too much, if one is; it is deleted
   */
  abandon(
    subscription: Subscription<Member>,
    left: { readonly owner: string; readonly now: number },
  ): Subscription<Member> | undefined {
    subscription.emptySince = left.now;
    this.#abandoned.set(subscription, left.owner);
    const own = [...this.#abandoned].filter(([, owner]) => owner === left.owner);
    const [oldest] = own;
    if (oldest === undefined || own.length <= MAX_ABANDONED) return undefined;
    this.delete(oldest[0]);
    return oldest[0];
  }

  /** Finds the subscriptions that a delivery is for: by their ids where it has some, otherwise by its topic. */
  meantBy({ topic, subscriptions }: Pick<BrokerMessage, "topic" | "subscriptions">): Subscription<Member>[] {
    if (subscriptions === undefined) return this.#trie.match(topic).sort(byAge);
    return subscriptions.map((id) => this.#byId.get(id)).filter((found) => found !== undefined).sort(byAge);
  }

  /** The subscriptions that nobody listens to, the longest empty first. */
  unused(): Subscription<Member>[] {
    return [...this.#abandoned.keys()];
  }

  /** Deletes a subscription. */
  delete(subscription: Subscription<Member>): void {
    if (this.#byFilter.get(subscription.filter) !== subscription) return;
    this.#byFilter.delete(subscription.filter);
    this.#byId.delete(subscription.id);
    this.#abandoned.delete(subscription);
    this.#trie.delete(deliveredFilter(subscription.filter));
  }

  /** All of them. */
  [Symbol.iterator](): Iterator<Subscription<Member>> {
    return this.#byFilter.values();
  }

  #add(filter: string): Subscription<Member> {
    this.#lastId += 1;
    const delivered = deliveredFilter(filter);
    const grant = new TopicGrants([delivered]);
    const subscription: Subscription<Member> = {
      id: this.#lastId,
      filter,
      matches: (topic) => grant.matches(topic),
      members: new Set(),
      snapshots: new Set(),
      qos: undefined,
      liveSince: undefined,
      retained: [],
      emptySince: undefined,
    };
    this.#byFilter.set(filter, subscription);
    this.#byId.set(subscription.id, subscription);
    this.#trie.add(delivered, subscription);
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

/** Notes that a broker has sent all that it retains. */
export function addWindow<Member>({ retained }: Subscription<Member>, window: RetainedWindow): void {
  retained.push(window);
  const [oldest, next] = retained;
  if (retained.length <= MAX_WINDOWS || oldest === undefined || next === undefined) return;
  retained.splice(0, 2, { from: oldest.from, last: Math.max(oldest.last, next.last) });
}

/**
 * Tells whether a listener may have missed something of what the broker retains: it was there when that was asked for,
 * and left before the last of it.
 *
 * @param now in milliseconds
 */
export function isAmidRetained<Member>(
  { retained, snapshots }: Subscription<Member>,
  offset: number,
  now: number,
): boolean {
  return retained.some(({ from, last }) => from <= offset && offset < last) ||
    [...snapshots].some((one) => one.window.from <= offset && (!one.isSettled(now) || offset < one.window.last));
}
