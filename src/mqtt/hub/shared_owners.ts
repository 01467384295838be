/**
 * States of owners, as the replicas of a gateway share them.
 *
 * @module
 */
import type { DeliveryOfSubscriptions } from "./retained_deliveries.ts";
import type { OwnerOfFilter, RestoredFilter, SettledRetained } from "./source.ts";
import type { SubscriberState } from "./subscriber.ts";
import type { Subscription } from "./subscriptions.ts";

/**
 * Returns the states of a subscriber's owner as they are once its request is granted.
 *
 * @param from offset of the request
 */
export function requestedOwners(
  { subscriptions, subscriber: { owner, qos } }: SubscriberState,
  from: number,
): OwnerOfFilter[] {
  return subscriptions.map(({ filter, owners }) => {
    const { activeFrom = from, grantedQos = qos } = owners.get(owner) ?? {};
    return {
      filter,
      owner,
      activeFrom: Math.min(activeFrom, from),
      qos: grantedQos > qos ? grantedQos : qos,
      retainedUntil: undefined,
    };
  });
}

/**
 * Returns the states of the owners whose retained messages were all sent, and the filters that expect none.
 *
 * @param isCurrent returns whether a subscription was not deleted, and its filter perhaps added again
 */
export function settledRetained(
  settled: readonly DeliveryOfSubscriptions[],
  isCurrent: (subscription: Subscription<SubscriberState>) => boolean,
): SettledRetained {
  const owners: OwnerOfFilter[] = [];
  const filters = new Set<string>();
  for (const [{ owner }, subscriptions] of settled) {
    for (const subscription of subscriptions.filter(isCurrent)) {
      const { filter } = subscription;
      const open = [...subscription.retainedDeliveries];
      if (open.length === 0) filters.add(filter);
      const { activeFrom, grantedQos = 0, retainedWindows = [], unknownRetained } = subscription.owners.get(owner) ??
        {};
      if (activeFrom === undefined || unknownRetained?.last === Infinity) continue;
      if (open.some((delivery) => delivery.owner === owner)) continue;
      const retainedUntil = Math.max(...retainedWindows.map(({ last }) => last));
      owners.push({ filter, owner, activeFrom, qos: grantedQos, retainedUntil });
    }
  }
  return { owners, filters: [...filters] };
}

/**
 * Sets what other replicas know of an owner in a subscription.
 *
 * @param at current offset
 */
export function restoreOwner(
  subscription: Subscription<SubscriberState>,
  owner: string,
  { grantedQos, owner: shared, at }: RestoredFilter & { readonly at: number },
): void {
  const state = subscription.owners.get(owner);
  if (state === undefined) return;
  subscription.grantedQos = grantedQos;
  if (grantedQos !== undefined && (subscription.requestedQos ?? -1) < grantedQos) {
    subscription.requestedQos = grantedQos;
  }
  state.activeFrom = grantedQos === undefined ? undefined : shared?.activeFrom;
  state.grantedQos = shared?.qos;
  const last = shared?.retainedUntil ?? Infinity;
  if (last > (state.unknownRetained?.last ?? -1)) state.unknownRetained = { from: at, last };
}
