/**
 * Retained messages that the broker of one hub may still be sending.
 *
 * @module
 */
import { type ReceivedMessage, SharedPayloads } from "./received_message.ts";
import { type EarlyBytes, RetainedDelivery } from "./retained.ts";
import type { SubscriberState } from "./subscriber.ts";
import type { Subscription } from "./subscriptions.ts";

/** Subscriber that a request is made for. */
export interface RetainedRecipient {
  /** The subscriber. */
  readonly state: SubscriberState;
  /** Offset of the last message that it has read. */
  readonly offset: number;
  /** Topics whose retained message it has. */
  readonly received: readonly string[];
}

/** Retained delivery with the subscriptions that it is for. */
export type DeliveryOfSubscriptions = readonly [
  delivery: RetainedDelivery<SubscriberState>,
  subscriptions: readonly Subscription<SubscriberState>[],
];

/** All retained deliveries of a hub. */
export class RetainedDeliveries {
  readonly #all = new Map<RetainedDelivery<SubscriberState>, readonly Subscription<SubscriberState>[]>();
  /** Bytes of retained messages that wait for SUBACKs, by owner. */
  readonly #earlyBytes = new Map<string, EarlyBytes>();
  readonly #sharedPayloads = new SharedPayloads();

  /**
   * Prepares for retained messages, which are the same for subscribers of one owner and the same filters.
   *
   * @param from offset of the request
   */
  expect(recipients: readonly RetainedRecipient[], from: number): RetainedDelivery<SubscriberState>[] {
    const groups = Map.groupBy(recipients, ({ state: { subscriptions, subscriber, isActive }, received }) => {
      const ids = subscriptions.map(({ id }) => id).sort();
      // Subscribers that have a part of the messages are grouped by how far they read.
      const part = received.length > 0 ? subscriber.since?.offset : undefined;
      return JSON.stringify([subscriber.owner, ids, part, isActive]);
    });
    const deliveries = [...groups.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { owner } = first.state.subscriber;
      const earlyBytes = this.#earlyBytes.get(owner) ?? { bytes: 0 };
      this.#earlyBytes.set(owner, earlyBytes);
      const delivery = new RetainedDelivery<SubscriberState>({
        owner,
        earlyBytes,
        requestedAt: from,
        // A resumed subscriber may leave again during the replay, before the first retained message.
        from: Math.min(from, ...group.map(({ offset }) => offset)),
        received: first.received,
      });
      for (const { state } of group) delivery.subscribers.add(state);
      return delivery;
    });
    // Only after all are made: no subscriber has received anything of the new ones.
    for (const delivery of deliveries) {
      for (const state of delivery.subscribers) {
        // An earlier one, which it no longer needs: it gets all messages again.
        state.retainedDelivery?.subscribers.delete(state);
        state.retainedDelivery = delivery;
        // The same for all of its subscribers.
        this.#all.set(delivery, state.subscriptions);
      }
      for (const { retainedDeliveries } of this.#all.get(delivery) ?? []) retainedDeliveries.add(delivery);
    }
    return deliveries;
  }

  /**
   * Passes a retained message to the subscribers of recent requests.
   *
   * @param now in milliseconds
   * @returns the subscribers of deliveries for which the broker sent too much before its grant, which are over;
   * undefined if there are none
   */
  pass(
    message: ReceivedMessage,
    recipients: readonly Subscription<SubscriberState>[],
    now: number,
  ): readonly SubscriberState[] | undefined {
    const shared = this.#sharedPayloads.share(message);
    let ended: SubscriberState[] | undefined;
    for (const { retainedDeliveries } of recipients) {
      for (const delivery of retainedDeliveries.unoffered(shared.topic)) {
        if (delivery.offer(shared, now)) {
          for (const { subscriber, isWriterOffline } of delivery.subscribers) {
            // They come again once it is online.
            if (!isWriterOffline) subscriber.message(shared, true);
          }
        } else if (delivery.isOverLimit) {
          ended = [...ended ?? [], ...delivery.subscribers];
          this.#delete(delivery);
        }
      }
    }
    return ended;
  }

  /**
   * Removes the deliveries of which no further message is expected, and returns them.
   *
   * @param now in milliseconds
   */
  takeSettled(now: number): DeliveryOfSubscriptions[] {
    const settled = [...this.#all].filter(([delivery]) => delivery.isSettled(now));
    for (const [delivery] of settled) this.#delete(delivery);
    return settled;
  }

  /** Removes all deliveries, as the connection has closed; returns their subscribers. */
  clear(): SubscriberState[] {
    const all = [...this.#all.keys()];
    this.delete(all);
    return all.flatMap(({ subscribers }) => [...subscribers]);
  }

  /** Removes deliveries whose request failed. */
  delete(deliveries: readonly RetainedDelivery<SubscriberState>[]): void {
    for (const delivery of deliveries) this.#delete(delivery);
  }

  #delete(delivery: RetainedDelivery<SubscriberState>): void {
    delivery.discardEarly();
    for (const { retainedDeliveries } of this.#all.get(delivery) ?? []) retainedDeliveries.delete(delivery);
    this.#all.delete(delivery);
  }
}
