/**
 * What the subscribers of a hub request from the broker.
 *
 * @module
 */
import type { FilterRequest, QoS } from "../broker.ts";
import type { SubscriberState } from "./subscriber.ts";
import type { OwnerState, Subscription } from "./subscriptions.ts";

/** Returns the state of a subscriber's owner in each subscription, with the quality of service that it requests. */
export function ownersOf(
  { subscriptions, subscriber: { owner, qos } }: SubscriberState,
): (readonly [OwnerState, QoS])[] {
  return subscriptions.map(({ owners }) => owners.get(owner)).filter((state) => state !== undefined).map((state) =>
    [state, qos] as const
  );
}

/** Returns the requests for filters, with the highest quality of service that any subscriber needs. */
export function requestsOf(
  wanted: readonly Subscription<SubscriberState>[],
  states: readonly SubscriberState[],
): readonly FilterRequest[] {
  const highest = new Map<Subscription<SubscriberState>, QoS>();
  for (const { subscriptions, subscriber: { qos } } of states) {
    for (const one of subscriptions) if (qos > (highest.get(one) ?? one.requestedQos ?? -1)) highest.set(one, qos);
  }
  return wanted.map((one) => ({ id: one.id, filter: one.filter, qos: highest.get(one) ?? one.requestedQos ?? 0 }));
}
