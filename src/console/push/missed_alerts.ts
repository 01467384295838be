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

/** Returns the time of the newest of some alerts, or a later time, in seconds since 1970. */
export function latestOf(alerts: readonly PushNotification[], time: number): number {
  return alerts.reduce((latest, { timestamp }) => Math.max(latest, timestamp), time);
}
