/**
 * One listener of a hub.
 *
 * @module
 */
import type { QoS } from "../broker.ts";
import type { Listener } from "./subscriber.ts";
import { byAge, type Subscription } from "./subscriptions.ts";
import { TopicTrie } from "../topics/trie.ts";

/** A listener, and how far it has come. */
export class Member {
  /** Who it is. */
  readonly listener: Listener;
  /** `joining` until the broker grants its filters; `away` while the broker is. */
  state: "joining" | "listening" | "away" | "gone" = "joining";
  /** The last message that was considered for it: one that matches several of its filters is one. */
  considered = 0;
  #subscriptions: readonly Subscription<Member>[] = [];
  #trie: TopicTrie<Subscription<Member>> | undefined;

  /** Makes a member that waits. */
  constructor(listener: Listener) {
    this.listener = listener;
  }

  /** The subscriptions of its filters, the oldest first. */
  get subscriptions(): readonly Subscription<Member>[] {
    return this.#subscriptions;
  }

  /** Notes the subscriptions of its filters. */
  subscribeTo(subscriptions: readonly Subscription<Member>[]): void {
    this.#subscriptions = subscriptions;
    if (subscriptions.length < 2) return;
    this.#trie = new TopicTrie();
    for (const subscription of subscriptions) this.#trie.add(subscription.filter, subscription);
  }

  /** Tells whether it hears what comes. */
  get isListening(): boolean {
    return this.state === "listening";
  }

  /** Finds those of its subscriptions that a topic matches, the oldest first. */
  matching(topic: string): readonly Subscription<Member>[] {
    if (this.#trie !== undefined) return this.#trie.match(topic).sort(byAge);
    const [only] = this.#subscriptions;
    return only !== undefined && only.matches(topic) ? [only] : [];
  }

  /** Tells whether a subscription is the oldest of its own that a topic matches: what comes several times is for that. */
  hearsThrough(subscription: Subscription<Member>, topic: string): boolean {
    return this.#trie === undefined || this.matching(topic)[0] === subscription;
  }
}

/** The highest quality of service that any of some members asks for. */
export function highestQos(members: ReadonlySet<Member>): QoS {
  let highest: QoS = 0;
  for (const { listener: { qos } } of members) if (qos > highest) highest = qos;
  return highest;
}
