/**
 * The subscriptions of one broker connection: one for each filter, however many listen to it.
 *
 * @module
 */
import { BrokerError, type BrokerMessage, type QoS } from "../broker.ts";
import type { ReceivedTopics } from "./received_topics.ts";
import type { RetainedDelivery } from "./retained.ts";
import { deliveredFilter } from "../topics/rules.ts";
import { TopicFilterSet } from "../topics/filter_set.ts";
import { TopicTrie } from "../topics/trie.ts";

/** One filter that the broker was or will be asked for. */
export interface Subscription<Member> {
  /** Its number: the older, the smaller. */
  readonly id: number;
  /** The topic filter. */
  readonly filter: string;
  /** Tells whether a topic that is delivered for it matches. */
  readonly matches: (topic: string) => boolean;
  /** Those who asked for it. */
  readonly subscribers: Set<Member>;
  /** What the broker may still be sending of what it retains. */
  readonly retainedDeliveries: Set<RetainedDelivery<Member>>;
  /** Each owner's part in it: of those that listen, and of those that left and may come back. */
  readonly owners: Map<string, OwnerState>;
  /** Highest quality of service that the broker has granted; undefined while it has granted none. */
  grantedQos: QoS | undefined;
  /** The offset after which no message was missed; undefined while the broker sends none. */
  activeFrom: number | undefined;
}

/**
 * One owner's part in a subscription. Whether a listener goes on without a gap depends on this alone, so that it
 * does not tell whether another owner listens.
 */
export interface OwnerState {
  /** How many of its listeners there are. */
  subscriberCount: number;
  /** The offset at which the broker was first asked on its behalf; undefined until it has granted that. */
  activeFrom: number | undefined;
  /** Highest quality of service that it was granted. */
  grantedQos: QoS | undefined;
  /** Where in the order of messages the broker sent it what it retains, as far as that is over. */
  readonly retainedWindows: RetainedWindow[];
  /** Since when none of its listeners is there, in milliseconds; undefined while one is. */
  idleSince: number | undefined;
}

/** A part of the order of messages in which retained ones came, for those who had asked for them. */
export interface RetainedWindow {
  /** The offset from which those listened who asked for them. */
  readonly from: number;
  /** The offset of the last one. */
  readonly last: number;
  /** Their topics, where they are still known. */
  readonly topics?: ReceivedTopics;
}

/** Most filters of one connection: a bound for the broker's memory and for ours. */
const MAX_SUBSCRIPTIONS = 10_000;

/** Most of them for one owner: 20 streams with all that they may have, and what their owner left. */
const MAX_OWNED = 2_500;

/** Most filters to go on subscribing to for one owner's listeners that left: two streams with all that they may have. */
const MAX_ABANDONED = 200;

/** Most windows to remember apart; the oldest are joined. */
const MAX_WINDOWS = 16;

/** Most bytes of received topics to remember for one owner. */
const MAX_TOPIC_BYTES = 2 ** 20;

/** Sorts subscriptions, the oldest first. */
export function byAge(one: { readonly id: number }, other: { readonly id: number }): number {
  return one.id - other.id;
}

/** All subscriptions of one connection. */
export class Subscriptions<Member> {
  readonly #byFilter = new Map<string, Subscription<Member>>();
  readonly #byId = new Map<number, Subscription<Member>>();
  readonly #byOwner = new Map<string, Set<Subscription<Member>>>();
  /** What each owner has left, the longest ago first. */
  readonly #left = new Map<string, Set<Subscription<Member>>>();
  /** The topics of retained messages that each owner has got, the longest ago first. */
  readonly #topics = new Map<string, Set<ReceivedTopics>>();
  readonly #trie = new TopicTrie<Subscription<Member>>();
  #lastId = 0;

  /** How many there are. */
  get size(): number {
    return this.#byFilter.size;
  }

  /**
   * Makes room for some filters of an owner: within its own bound at the cost of what itself has left, within the bound
   * of all at the cost of filters without listeners.
   *
   * @returns the subscriptions that were deleted for it
   * @throws {BrokerError} if there are too many
   */
  makeRoom(owner: string, filters: readonly string[]): readonly Subscription<Member>[] {
    const wanted = new Set(filters);
    const isSpare = ({ filter }: Subscription<Member>) => !wanted.has(filter);
    const own = this.#byOwner.get(owner) ?? new Set();
    const owned = [...own].filter(({ filter }) => wanted.has(filter)).length;
    const spareOwn = own.size + wanted.size - owned - MAX_OWNED;
    const left = spareOwn <= 0 ? [] : [...this.#left.get(owner) ?? []].filter(isSpare).slice(0, spareOwn);
    if (spareOwn > left.length) throw new BrokerError(`Too many topic filters: more than ${MAX_OWNED} are in use`);
    const deleted: Subscription<Member>[] = [];
    for (const subscription of left) if (this.#drop(subscription, owner)) deleted.push(subscription);
    const added = filters.filter((filter) => !this.#byFilter.has(filter)).length;
    const spare = this.size + added - MAX_SUBSCRIPTIONS;
    const unused = spare <= 0 ? [] : this.unused().filter(isSpare).slice(0, spare);
    if (spare > unused.length) {
      throw new BrokerError(`Too many topic filters: more than ${MAX_SUBSCRIPTIONS} are in use`);
    }
    for (const subscription of unused) this.delete(subscription);
    return [...deleted, ...unused];
  }

  /** Adds a member to the subscriptions of some filters, which are made where they are new; the oldest comes first. */
  add(member: Member, { owner, filters }: EnlistOptions): Subscription<Member>[] {
    return filters.map((filter) => {
      const subscription = this.#byFilter.get(filter) ?? this.#add(filter);
      subscription.subscribers.add(member);
      const hold = subscription.owners.get(owner) ?? this.#hold(subscription, owner);
      hold.subscriberCount += 1;
      hold.idleSince = undefined;
      this.#left.get(owner)?.delete(subscription);
      return subscription;
    }).sort(byAge);
  }

  /**
   * Takes a member out of a subscription. What one owner leaves behind is bounded.
   *
   * @param left who left it, and when, in milliseconds
   * @returns the subscription that no owner holds any more, if there is one; it is deleted
   */
  remove(
    subscription: Subscription<Member>,
    member: Member,
    { owner, now }: { readonly owner: string; readonly now: number },
  ): Subscription<Member> | undefined {
    const hold = subscription.owners.get(owner);
    if (!subscription.subscribers.delete(member) || hold === undefined) return undefined;
    hold.subscriberCount -= 1;
    if (hold.subscriberCount > 0) return undefined;
    hold.idleSince = now;
    const own = this.#left.get(owner) ?? new Set();
    this.#left.set(owner, own.add(subscription));
    const [oldest] = own;
    return oldest !== undefined && own.size > MAX_ABANDONED && this.#drop(oldest, owner) ? oldest : undefined;
  }

  /**
   * Ends what owners hold that left.
   *
   * @param before those that left by then, in milliseconds; all of them by default
   * @returns the subscriptions that no owner holds any more; they are deleted
   */
  expire(before = Infinity): Subscription<Member>[] {
    const deleted: Subscription<Member>[] = [];
    for (const [owner, left] of this.#left) {
      for (const subscription of left) {
        if ((subscription.owners.get(owner)?.idleSince ?? 0) > before) break;
        if (this.#drop(subscription, owner)) deleted.push(subscription);
      }
    }
    return deleted;
  }

  /** Finds the subscriptions that a delivery is for: by their ids where it has some, otherwise by its topic. */
  recipientsOf({ topic, subscriptions }: Pick<BrokerMessage, "topic" | "subscriptions">): Subscription<Member>[] {
    if (subscriptions === undefined) return this.#trie.match(topic).sort(byAge);
    return subscriptions.map((id) => this.#byId.get(id)).filter((found) => found !== undefined).sort(byAge);
  }

  /** The subscriptions that nobody listens to, the longest empty first. */
  unused(): Subscription<Member>[] {
    const all = new Set([...this.#left.values()].flatMap((left) => [...left]));
    const emptyAt = ({ owners }: Subscription<Member>) =>
      Math.max(...[...owners.values()].map(({ idleSince = 0 }) => idleSince));
    return [...all].filter(({ subscribers }) => subscribers.size === 0).sort((one, other) =>
      emptyAt(one) - emptyAt(other)
    );
  }

  /** Deletes a subscription. */
  delete(subscription: Subscription<Member>): void {
    for (const owner of subscription.owners.keys()) this.#disown(subscription, owner);
    if (this.#byFilter.get(subscription.filter) !== subscription) return;
    this.#byFilter.delete(subscription.filter);
    this.#byId.delete(subscription.id);
    this.#trie.delete(deliveredFilter(subscription.filter));
  }

  /** Notes that a broker has sent an owner all that it retains, and remembers the newest topics of it. */
  addRetainedWindow(subscription: Subscription<Member>, owner: string, window: RetainedWindow): void {
    const hold = subscription.owners.get(owner);
    if (hold === undefined) return;
    appendWindow(hold, window);
    const known = this.#topics.get(owner) ?? new Set();
    if (window.topics === undefined || known.has(window.topics)) return;
    this.#topics.set(owner, known.add(window.topics));
    let bytes = [...known].reduce((sum, topics) => sum + topics.bytes, 0);
    for (const topics of known) {
      if (bytes <= MAX_TOPIC_BYTES) break;
      bytes -= topics.bytes;
      topics.clear();
      known.delete(topics);
    }
  }

  /** All of them. */
  [Symbol.iterator](): Iterator<Subscription<Member>> {
    return this.#byFilter.values();
  }

  /** Ends what an owner holds of a subscription, which is deleted with its last owner: then it returns true. */
  #drop(subscription: Subscription<Member>, owner: string): boolean {
    this.#disown(subscription, owner);
    if (subscription.owners.size > 0) return false;
    this.delete(subscription);
    return true;
  }

  #disown(subscription: Subscription<Member>, owner: string): void {
    subscription.owners.delete(owner);
    this.#left.get(owner)?.delete(subscription);
    const own = this.#byOwner.get(owner);
    own?.delete(subscription);
    if (own?.size !== 0) return;
    this.#byOwner.delete(owner);
    this.#left.delete(owner);
    this.#topics.delete(owner);
  }

  #hold(subscription: Subscription<Member>, owner: string): OwnerState {
    const hold: OwnerState = {
      subscriberCount: 0,
      activeFrom: undefined,
      grantedQos: undefined,
      retainedWindows: [],
      idleSince: undefined,
    };
    subscription.owners.set(owner, hold);
    this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? new Set()).add(subscription));
    return hold;
  }

  #add(filter: string): Subscription<Member> {
    this.#lastId += 1;
    const delivered = deliveredFilter(filter);
    const grant = new TopicFilterSet([delivered]);
    const subscription: Subscription<Member> = {
      id: this.#lastId,
      filter,
      matches: (topic) => grant.matches(topic),
      subscribers: new Set(),
      retainedDeliveries: new Set(),
      owners: new Map(),
      grantedQos: undefined,
      activeFrom: undefined,
    };
    this.#byFilter.set(filter, subscription);
    this.#byId.set(subscription.id, subscription);
    this.#trie.add(delivered, subscription);
    return subscription;
  }
}

/** Owner and filters of a listener. */
export interface EnlistOptions {
  /** For whom the member listens. */
  readonly owner: string;
  /** At least one filter, each of them once. */
  readonly filters: readonly string[];
}

/** Tells whether an owner has missed no message after an offset. */
export function isActiveSince<Member>(
  { activeFrom, owners }: Subscription<Member>,
  owner: string,
  offset: number,
): boolean {
  const from = owners.get(owner)?.activeFrom;
  return activeFrom !== undefined && activeFrom <= offset && from !== undefined && from <= offset;
}

/** Tells whether a delivery is for a subscription, by the ids that came with it. */
export function isRecipient<Member>({ id }: Subscription<Member>, meant: readonly number[] | undefined): boolean {
  return meant === undefined || meant.includes(id);
}

/** Notes that a broker has sent all that it retains. */
export function appendWindow({ retainedWindows }: Pick<OwnerState, "retainedWindows">, window: RetainedWindow): void {
  retainedWindows.push(window);
  const [oldest, next] = retainedWindows;
  if (retainedWindows.length <= MAX_WINDOWS || oldest === undefined || next === undefined) return;
  retainedWindows.splice(0, 2, { from: oldest.from, last: Math.max(oldest.last, next.last) });
}

/**
 * Finds the retained deliveries of which an owner's listener may have missed a part: it was there when they were asked
 * for, and left before the last message of them.
 *
 * @param at the offset up to which the listener read, and the time in milliseconds
 */
export function interruptedWindows<Member>(
  { retainedDeliveries, owners }: Subscription<Member>,
  owner: string,
  { offset, now }: { readonly offset: number; readonly now: number },
): RetainedWindow[] {
  const isAmid = ({ from, last }: RetainedWindow) => from <= offset && offset < last;
  const open = [...retainedDeliveries].filter((one) =>
    one.owner === owner && one.window.from <= offset && (!one.isSettled(now) || offset < one.window.last)
  );
  return [...owners.get(owner)?.retainedWindows.filter(isAmid) ?? [], ...open.map(({ window }) => window)];
}
