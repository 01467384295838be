/**
 * Subscribers of a hub.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { BrokerError, QoS } from "../broker.ts";
import { deliveredFilter, isShared } from "../topics/rules.ts";
import { TopicTrie } from "../topics/trie.ts";
import type { ReceivedMessage } from "./received_message.ts";
import type { RetainedDelivery } from "./retained.ts";
import type { Subscription } from "./subscriptions.ts";

/** Recipient of the messages that match some filters. Its methods must not throw. */
export interface Subscriber {
  /** Key on whose behalf it subscribes; limits apply to each owner. */
  readonly owner: string;
  /** At least one filter, without duplicates. */
  readonly filters: readonly string[];
  /** Highest quality of service to request from the broker. */
  readonly qos: QoS;
  /** True to stay subscribed while the broker is unreachable. */
  readonly keep: boolean;
  /** Position of the last message on its previous stream, to resume after. */
  readonly since: Position | undefined;
  /**
   * Reports that the broker granted the subscriptions; called first, and once.
   *
   * @param position all messages after it follow; undefined if some may be missing, which a gap then reports
   */
  connected(position: Position | undefined): void;
  /**
   * Reports that messages may be missing.
   *
   * @param position all messages after it follow
   */
  gap(position: Position): void;
  /**
   * Passes a message.
   *
   * @param isBacklog whether it is one of those passed all at once at the start of the subscription
   */
  message(message: ReceivedMessage, isBacklog: boolean): void;
  /** Reports that the broker is unreachable; only with `keep`. */
  offline(reason: BrokerError): void;
  /** Reports that the broker granted the subscriptions again. */
  online(): void;
  /** Reports the end of the subscription; called last. */
  ended(reason: BrokerError): void;
}

/** State of a subscriber in its hub. */
export class SubscriberState {
  /** The subscriber. */
  readonly subscriber: Subscriber;
  /** `pending` until the broker grants its filters, `offline` while the broker is unreachable. */
  status: "pending" | "active" | "offline" | "removed" = "pending";
  /** Offset of the last processed message: a message that matches several of its filters is passed once. */
  lastOffset = 0;
  /** True if it was told that the log's writer cannot reach the broker. */
  isWriterOffline = false;
  /** Delivery of retained messages of its last request, which may be completed. */
  retainedDelivery: RetainedDelivery<SubscriberState> | undefined;
  #subscriptions: readonly Subscription<SubscriberState>[] = [];
  #trie: TopicTrie<Subscription<SubscriberState>> | undefined;
  /** Topic of the last call of {@linkcode oldestMatch}, and its result: copies of a message follow each other. */
  #lastTopic: string | undefined;
  #lastMatch: Subscription<SubscriberState> | undefined;

  /** Makes the state of a pending subscriber. */
  constructor(subscriber: Subscriber) {
    this.subscriber = subscriber;
  }

  /** Subscriptions of its filters, the oldest first. */
  get subscriptions(): readonly Subscription<SubscriberState>[] {
    return this.#subscriptions;
  }

  /** Sets the subscriptions of its filters, the oldest first. */
  setSubscriptions(subscriptions: readonly Subscription<SubscriberState>[]): void {
    this.#subscriptions = subscriptions;
    if (subscriptions.length < 2) return;
    this.#trie = new TopicTrie();
    // A shared subscription gets a part of what another one with its filter gets.
    const sharedFirst = [...subscriptions].sort((one, other) => rank(other) - rank(one));
    for (const subscription of sharedFirst) this.#trie.add(deliveredFilter(subscription.filter), subscription);
  }

  /** True if it receives live messages. */
  get isActive(): boolean {
    return this.status === "active";
  }

  /** Returns those of its subscriptions that match a topic, in no particular order. */
  matching(topic: string): readonly Subscription<SubscriberState>[] {
    if (this.#trie !== undefined) return this.#trie.match(topic);
    const [only] = this.#subscriptions;
    return only !== undefined && only.matches(topic) ? [only] : [];
  }

  /** Returns the oldest of its subscriptions that match a topic; a shared one only if no other does. */
  oldestMatch(topic: string): Subscription<SubscriberState> | undefined {
    if (topic === this.#lastTopic) return this.#lastMatch;
    let oldest: Subscription<SubscriberState> | undefined;
    for (const one of this.matching(topic)) {
      if (oldest === undefined || (rank(one) - rank(oldest) || one.id - oldest.id) < 0) oldest = one;
    }
    this.#lastTopic = topic;
    this.#lastMatch = oldest;
    return oldest;
  }

  /**
   * Returns whether to pass a delivery for a subscription: of several for one message, that of the oldest one that
   * matches. Those of shared subscriptions are for different messages, unless another subscription gets them all.
   */
  receivesVia(subscription: Subscription<SubscriberState>, topic: string): boolean {
    if (this.#trie === undefined) return true;
    const oldest = this.oldestMatch(topic);
    return oldest === subscription ||
      (oldest !== undefined && isShared(oldest.filter) && isShared(subscription.filter));
  }
}

/** Returns 1 for a shared subscription, and 0 for any other. */
function rank({ filter }: Subscription<SubscriberState>): number {
  return isShared(filter) ? 1 : 0;
}
