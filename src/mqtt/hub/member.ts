/**
 * One listener of a hub.
 *
 * @module
 */
import type { QoS } from "../broker.ts";
import type { Subscriber } from "./subscriber.ts";
import { byAge, type Subscription } from "./subscriptions.ts";
import { TopicTrie } from "../topics/trie.ts";

/** A listener, and how far it has come. */
export class SubscriberState {
  /** Who it is. */
  readonly subscriber: Subscriber;
  /** `joining` until the broker grants its filters; `away` while the broker is. */
  status: "joining" | "listening" | "away" | "gone" = "joining";
  /** The last message that was considered for it: one that matches several of its filters is one. */
  lastOffset = 0;
  #subscriptions: readonly Subscription<SubscriberState>[] = [];
  #trie: TopicTrie<Subscription<SubscriberState>> | undefined;

  /** Makes a member that waits. */
  constructor(listener: Subscriber) {
    this.subscriber = listener;
  }

  /** The subscriptions of its filters, the oldest first. */
  get subscriptions(): readonly Subscription<SubscriberState>[] {
    return this.#subscriptions;
  }

  /** Notes the subscriptions of its filters. */
  setSubscriptions(subscriptions: readonly Subscription<SubscriberState>[]): void {
    this.#subscriptions = subscriptions;
    if (subscriptions.length < 2) return;
    this.#trie = new TopicTrie();
    for (const subscription of subscriptions) this.#trie.add(subscription.filter, subscription);
  }

  /** Tells whether it hears what comes. */
  get isActive(): boolean {
    return this.status === "listening";
  }

  /** Finds those of its subscriptions that a topic matches, the oldest first. */
  matching(topic: string): readonly Subscription<SubscriberState>[] {
    if (this.#trie !== undefined) return this.#trie.match(topic).sort(byAge);
    const [only] = this.#subscriptions;
    return only !== undefined && only.matches(topic) ? [only] : [];
  }

  /** Tells whether a subscription is the oldest of its own that a topic matches: what comes several times is for that. */
  receivesVia(subscription: Subscription<SubscriberState>, topic: string): boolean {
    return this.#trie === undefined || this.matching(topic)[0] === subscription;
  }
}

/** The highest quality of service that any of some members asks for. */
export function highestQos(members: ReadonlySet<SubscriberState>): QoS {
  let highest: QoS = 0;
  for (const { subscriber: { qos } } of members) if (qos > highest) highest = qos;
  return highest;
}
