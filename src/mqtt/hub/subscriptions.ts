/**
 * Subscriptions of one broker connection: one for each filter, shared by all of its subscribers.
 *
 * @module
 */
import { LinkedSet } from "../../lib/linked_set.ts";
import { BrokerError, type BrokerMessage, type QoS } from "../broker.ts";
import { TopicFilterSet } from "../topics/filter_set.ts";
import { deliveredFilter } from "../topics/rules.ts";
import { TopicTrie } from "../topics/trie.ts";
import { OpenDeliveries, type ReceivedTopics, type RetainedDelivery, type RetainedWindow } from "./retained.ts";

/** Filter that was or will be requested from the broker. */
export interface Subscription<Subscriber> {
  /** Subscription identifier; grows with each new one. */
  readonly id: number;
  /** Topic filter. */
  readonly filter: string;
  /** Returns whether it matches the topic of a delivery. */
  readonly matches: (topic: string) => boolean;
  /** Current subscribers. */
  readonly subscribers: Set<Subscriber>;
  /** Retained messages that the broker may still be sending. */
  readonly retainedDeliveries: OpenDeliveries<Subscriber>;
  /** State of each owner that has subscribers, or had some that may resume. */
  readonly owners: Map<string, OwnerState>;
  /** Highest quality of service that was requested on this connection; undefined without a request. */
  requestedQos: QoS | undefined;
  /** Highest quality of service that was requested and granted; undefined without a grant. */
  grantedQos: QoS | undefined;
}

/**
 * State of one owner in a subscription. Only this decides whether its subscribers resume without a gap, so that they
 * cannot find out whether another owner is subscribed.
 */
export interface OwnerState {
  /** Number of its subscribers. */
  subscriberCount: number;
  /** Offset of the first request on its behalf, from which it has missed nothing; undefined without a grant. */
  activeFrom: number | undefined;
  /** Highest quality of service that it was granted. */
  grantedQos: QoS | undefined;
  /** Completed deliveries of retained messages to it. */
  readonly retainedWindows: RetainedWindow[];
  /**
   * Offset at which it became unknown whether all retained messages before `last` were sent: after a gap, or at another
   * replica; undefined if it is known.
   */
  unknownRetained: RetainedWindow | undefined;
  /** Time at which its last subscriber left, in milliseconds; undefined while it has one. */
  idleSince: number | undefined;
}

/** Most filters on one connection: limits the broker's memory and the gateway's. */
const MAX_SUBSCRIPTIONS = 10_000;

/** Most filters of one owner: enough for 20 streams at their limit, and the idle ones. */
const MAX_PER_OWNER = 2_500;

/** Most filters of one owner without subscribers: enough for two streams at their limit. */
const MAX_IDLE_PER_OWNER = 200;

/** Most retained windows per owner and filter; beyond it the two oldest are merged. */
const MAX_WINDOWS = 16;

/** Most bytes of received topics to store for one owner. */
const MAX_TOPIC_BYTES = 2 ** 20;

/** Topics of retained messages that an owner received. */
interface StoredTopics {
  /** Topics of each delivery, the oldest first. */
  readonly all: LinkedSet<ReceivedTopics>;
  /** Memory that they take, in bytes. */
  bytes: number;
}

/** Compares subscriptions for a sort with the oldest first. */
export function byAge(one: { readonly id: number }, other: { readonly id: number }): number {
  return one.id - other.id;
}

/** All subscriptions of one connection. */
export class Subscriptions<Subscriber> {
  readonly #byFilter = new Map<string, Subscription<Subscriber>>();
  readonly #byId = new Map<number, Subscription<Subscriber>>();
  readonly #byOwner = new Map<string, Set<Subscription<Subscriber>>>();
  /** Subscriptions in which each owner has no subscribers, the longest idle first: no more than its limit. */
  readonly #idle = new Map<string, Set<Subscription<Subscriber>>>();
  /** Subscriptions without any subscribers, the longest unused first. */
  readonly #unused = new LinkedSet<Subscription<Subscriber>>();
  /** Topics of retained messages that each owner received. */
  readonly #receivedTopics = new Map<string, StoredTopics>();
  readonly #trie = new TopicTrie<Subscription<Subscriber>>();
  #lastId = 0;

  /** Number of subscriptions. */
  get size(): number {
    return this.#byFilter.size;
  }

  /**
   * Makes room for filters of an owner: deletes idle ones of the owner at its own limit, and filters without any
   * subscribers at the limit of the connection.
   *
   * @returns the deleted subscriptions
   * @throws {BrokerError} if there are too many
   */
  makeRoom(owner: string, filters: readonly string[]): readonly Subscription<Subscriber>[] {
    const wanted = new Set(filters);
    const isUnwanted = ({ filter }: Subscription<Subscriber>) => !wanted.has(filter);
    const found = [...wanted].map((filter) => this.#byFilter.get(filter)).filter((one) => one !== undefined);
    const owned = found.filter(({ owners }) => owners.has(owner)).length;
    const ownExcess = (this.#byOwner.get(owner)?.size ?? 0) + wanted.size - owned - MAX_PER_OWNER;
    const idle = firstOf(this.#idle.get(owner) ?? [], ownExcess, isUnwanted);
    if (ownExcess > idle.length) throw new BrokerError(`Too many topic filters: more than ${MAX_PER_OWNER} are in use`);
    const deleted: Subscription<Subscriber>[] = [];
    for (const subscription of idle) if (this.#removeOwner(subscription, owner)) deleted.push(subscription);
    const excess = this.size + wanted.size - found.length - MAX_SUBSCRIPTIONS;
    const unused = firstOf(this.#unused, excess, isUnwanted);
    if (excess > unused.length) {
      throw new BrokerError(`Too many topic filters: more than ${MAX_SUBSCRIPTIONS} are in use`);
    }
    for (const subscription of unused) this.delete(subscription);
    return [...deleted, ...unused];
  }

  /**
   * Adds a subscriber to the subscriptions of some filters, which it makes for new ones.
   *
   * @returns the subscriptions, the oldest first
   */
  add(subscriber: Subscriber, { owner, filters }: AddOptions): Subscription<Subscriber>[] {
    return filters.map((filter) => {
      const subscription = this.#byFilter.get(filter) ?? this.#create(filter);
      subscription.subscribers.add(subscriber);
      this.#unused.delete(subscription);
      const state = subscription.owners.get(owner) ?? this.#addOwner(subscription, owner);
      state.subscriberCount += 1;
      if (state.idleSince !== undefined) this.#deleteIdle(subscription, owner);
      state.idleSince = undefined;
      return subscription;
    }).sort(byAge);
  }

  /**
   * Removes a subscriber from a subscription, which stays idle for its owner within a limit.
   *
   * @param options owner of the subscriber, and the current time in milliseconds
   * @returns the subscription that was deleted at the limit, if its owner was the last one
   */
  remove(
    subscription: Subscription<Subscriber>,
    subscriber: Subscriber,
    { owner, now }: { readonly owner: string; readonly now: number },
  ): Subscription<Subscriber> | undefined {
    const state = subscription.owners.get(owner);
    if (!subscription.subscribers.delete(subscriber) || state === undefined) return undefined;
    if (subscription.subscribers.size === 0) this.#unused.add(subscription);
    state.subscriberCount -= 1;
    if (state.subscriberCount > 0) return undefined;
    state.idleSince = now;
    const idle = this.#idle.get(owner) ?? new Set();
    this.#idle.set(owner, idle.add(subscription));
    const [oldest] = idle;
    const isOverLimit = oldest !== undefined && idle.size > MAX_IDLE_PER_OWNER;
    return isOverLimit && this.#removeOwner(oldest, owner) ? oldest : undefined;
  }

  /**
   * Removes idle owners from their subscriptions.
   *
   * @param before only those idle since then or longer, in milliseconds; all of them by default
   * @returns the subscriptions that were deleted with their last owner
   */
  expire(before = Infinity): Subscription<Subscriber>[] {
    const deleted: Subscription<Subscriber>[] = [];
    for (const [owner, idle] of this.#idle) {
      for (const subscription of idle) {
        if ((subscription.owners.get(owner)?.idleSince ?? 0) > before) break;
        if (this.#removeOwner(subscription, owner)) deleted.push(subscription);
      }
    }
    return deleted;
  }

  /** Returns the subscriptions that a delivery is for: by its ids, or by its topic if it has none. */
  recipientsOf({ topic, subscriptions }: Pick<BrokerMessage, "topic" | "subscriptions">): Subscription<Subscriber>[] {
    const found = subscriptions === undefined
      ? this.#trie.match(topic)
      : subscriptions.map((id) => this.#byId.get(id)).filter((one) => one !== undefined);
    return found.length < 2 ? found : found.sort(byAge);
  }

  /** Returns the subscriptions without subscribers, the longest unused first. */
  unused(): Iterable<Subscription<Subscriber>> {
    return this.#unused;
  }

  /** Deletes a subscription. */
  delete(subscription: Subscription<Subscriber>): void {
    for (const owner of subscription.owners.keys()) this.#deleteOwner(subscription, owner);
    if (this.#byFilter.get(subscription.filter) !== subscription) return;
    this.#byFilter.delete(subscription.filter);
    this.#byId.delete(subscription.id);
    this.#unused.delete(subscription);
    this.#trie.delete(deliveredFilter(subscription.filter));
  }

  /** Returns the owners of a filter; undefined without a subscription of it. */
  ownersOf(filter: string): ReadonlyMap<string, OwnerState> | undefined {
    return this.#byFilter.get(filter)?.owners;
  }

  /** Returns whether a subscription was not deleted. */
  includes(subscription: Subscription<Subscriber>): boolean {
    return this.#byId.get(subscription.id) === subscription;
  }

  /** Records a completed delivery of retained messages, and stores the owner's newest topics of them. */
  addRetainedWindow(
    subscription: Subscription<Subscriber>,
    { owner, window, requestedAt }: Pick<RetainedDelivery<Subscriber>, "owner" | "window" | "requestedAt">,
  ): void {
    const state = subscription.owners.get(owner);
    if (state === undefined) return;
    appendWindow(state, window);
    const unknown = state.unknownRetained;
    if (unknown !== undefined && unknown.from <= requestedAt && unknown.last > requestedAt) {
      state.unknownRetained = { ...unknown, last: requestedAt };
    }
    const { topics } = window;
    const stored = this.#receivedTopics.get(owner) ?? { all: new LinkedSet(), bytes: 0 };
    if (topics === undefined || stored.all.has(topics)) return;
    this.#receivedTopics.set(owner, stored);
    stored.all.add(topics);
    // It grows no more: its delivery is completed.
    stored.bytes += topics.bytes;
    for (const oldest of stored.all) {
      if (stored.bytes <= MAX_TOPIC_BYTES) break;
      stored.bytes -= oldest.bytes;
      oldest.clear();
      stored.all.delete(oldest);
    }
  }

  /** Iterates over all subscriptions. */
  [Symbol.iterator](): Iterator<Subscription<Subscriber>> {
    return this.#byFilter.values();
  }

  /** Removes an owner from a subscription, and deletes it with its last owner; returns whether it did. */
  #removeOwner(subscription: Subscription<Subscriber>, owner: string): boolean {
    this.#deleteOwner(subscription, owner);
    if (subscription.owners.size > 0) return false;
    this.delete(subscription);
    return true;
  }

  #deleteOwner(subscription: Subscription<Subscriber>, owner: string): void {
    subscription.owners.delete(owner);
    this.#deleteIdle(subscription, owner);
    const own = this.#byOwner.get(owner);
    own?.delete(subscription);
    if (own?.size !== 0) return;
    this.#byOwner.delete(owner);
    this.#receivedTopics.delete(owner);
  }

  #deleteIdle(subscription: Subscription<Subscriber>, owner: string): void {
    const idle = this.#idle.get(owner);
    if (idle?.delete(subscription) === true && idle.size === 0) this.#idle.delete(owner);
  }

  #addOwner(subscription: Subscription<Subscriber>, owner: string): OwnerState {
    const state: OwnerState = {
      subscriberCount: 0,
      activeFrom: undefined,
      grantedQos: undefined,
      retainedWindows: [],
      unknownRetained: undefined,
      idleSince: undefined,
    };
    subscription.owners.set(owner, state);
    this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? new Set()).add(subscription));
    return state;
  }

  #create(filter: string): Subscription<Subscriber> {
    this.#lastId += 1;
    const delivered = deliveredFilter(filter);
    const filterSet = new TopicFilterSet([delivered]);
    const subscription: Subscription<Subscriber> = {
      id: this.#lastId,
      filter,
      matches: (topic) => filterSet.matches(topic),
      subscribers: new Set(),
      retainedDeliveries: new OpenDeliveries(),
      owners: new Map(),
      requestedQos: undefined,
      grantedQos: undefined,
    };
    this.#byFilter.set(filter, subscription);
    this.#byId.set(subscription.id, subscription);
    this.#trie.add(delivered, subscription);
    return subscription;
  }
}

/** Owner and filters of a subscriber. */
export interface AddOptions {
  /** Owner of the subscriber. */
  readonly owner: string;
  /** At least one filter, without duplicates. */
  readonly filters: readonly string[];
}

/** Returns whether an owner has missed no message after an offset. */
export function isActiveSince<Subscriber>(
  { owners }: Subscription<Subscriber>,
  owner: string,
  offset: number,
): boolean {
  const activeFrom = owners.get(owner)?.activeFrom;
  return activeFrom !== undefined && activeFrom <= offset;
}

/** Returns whether a delivery with these ids is for a subscription; one without ids is for all that match. */
export function isRecipient<Subscriber>(
  { id }: Subscription<Subscriber>,
  recipientIds: readonly number[] | undefined,
): boolean {
  return recipientIds === undefined || recipientIds.includes(id);
}

/** Appends a retained window, and merges the two oldest beyond the limit. */
export function appendWindow(
  { retainedWindows }: Pick<OwnerState, "retainedWindows">,
  window: RetainedWindow,
): void {
  retainedWindows.push(window);
  const [oldest, next] = retainedWindows;
  if (retainedWindows.length <= MAX_WINDOWS || oldest === undefined || next === undefined) return;
  retainedWindows.splice(0, 2, { from: oldest.from, last: Math.max(oldest.last, next.last) });
}

/**
 * Returns the retained deliveries of which an owner's subscriber may have missed a part: it was subscribed at their
 * start, and left before their last message.
 *
 * @param point offset up to which the subscriber read, and the current time in milliseconds
 */
export function interruptedWindows<Subscriber>(
  { retainedDeliveries, owners }: Subscription<Subscriber>,
  owner: string,
  { offset, now }: { readonly offset: number; readonly now: number },
): RetainedWindow[] {
  const isInterrupted = ({ from, last }: RetainedWindow) => from <= offset && offset < last;
  const open = [...retainedDeliveries].filter((one) =>
    one.owner === owner && one.window.from <= offset && (!one.isSettled(now) || offset < one.window.last)
  );
  const state = owners.get(owner);
  const completed = state?.retainedWindows.filter(isInterrupted) ?? [];
  const unknown = state?.unknownRetained !== undefined && offset < state.unknownRetained.last;
  return [...completed, ...open.map(({ window }) => window), ...unknown ? [{ from: offset, last: Infinity }] : []];
}

/** Returns the first items for which a condition holds, up to a number. */
function firstOf<T>(items: Iterable<T>, count: number, holds: (item: T) => boolean): T[] {
  const found: T[] = [];
  if (count <= 0) return found;
  for (const item of items) {
    if (holds(item) && found.push(item) === count) break;
  }
  return found;
}
