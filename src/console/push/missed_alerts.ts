/**
 * Alerts of a home that this device has not shown.
 *
 * @module
 */
import type { PushNotification } from "@e2e-gateway/client";

/**
 * Returns the alerts that were missed, the newest first.
 *
 * @param alerts recent alerts of the key, as the gateway has them
 * @param known `seenUntil` is the time of the last known alert, in seconds since 1970; `shown` has the ids that were shown
 */
export function missedAlerts(
  alerts: readonly PushNotification[],
  { seenUntil, shown }: { readonly seenUntil: number; readonly shown: ReadonlySet<string> },
): readonly PushNotification[] {
  return alerts.filter(({ id, timestamp }) => timestamp > seenUntil && !shown.has(id)).toReversed();
}

/** Returns the time until which alerts are known once a list of them was seen. */
export function seenUntilOf(alerts: readonly PushNotification[], seenUntil: number): number {
  return Math.max(seenUntil, ...alerts.map(({ timestamp }) => timestamp));
}
