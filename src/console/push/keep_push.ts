/**
 * Push messages of a home that is opened: its subscription is made again where it is gone, and missed alerts are told.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import type { App } from "../app.ts";
import type { Connection } from "../connection/connection.ts";
import { NOTIFICATION_TEXTS } from "../screens/device/notifications/texts.ts";
import { connectionPush, gatewayTime } from "./connection_push.ts";
import { missedAlerts } from "./missed_alerts.ts";
import { recallPush } from "./push_memory.ts";
import { register, RegistrationError } from "./registration.ts";
import { shownIds } from "./shown_ids.ts";

/** What it uses of the page. */
export type KeepPushApp = Pick<App, "store" | "language" | "route" | "notify"> & {
  /** Browser. */
  readonly browser: Pick<App["browser"], "openPush" | "label" | "now">;
};

/** Keeps the push messages of an open home, if they are on here. */
export async function keepPush(app: KeepPushApp, connection: Connection): Promise<void> {
  const { home } = connection;
  const { store, browser: { openPush, label, now } } = app;
  if (!(await recallPush(store, home)).isOn) return;
  try {
    const browser = await openPush();
    if (browser !== undefined) {
      const gateway = connectionPush(connection);
      await register({ home, store, gateway, browser, label, now: () => gatewayTime(connection, now()) });
    }
  } catch (error) {
    // The screen of the device says what is wrong. Browsers have errors of their own, as when their service is not reached.
    if (!(error instanceof GatewayError || error instanceof RegistrationError || error instanceof DOMException)) {
      throw error;
    }
  }
  const { screen } = app.route.peek() ?? {};
  // That screen lists them itself.
  if (screen === "device") return;
  const { seenUntil } = await recallPush(store, home);
  try {
    const alerts = await connection.request(
      { service: "push", alerts: { since: seenUntil } },
      (client) => client.pushAlerts(seenUntil),
    );
    const missed = missedAlerts(alerts, { seenUntil, shown: await shownIds(store, home) });
    if (missed.length > 0) app.notify(NOTIFICATION_TEXTS[app.language.peek()].missedSome(missed.length));
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
  }
}
