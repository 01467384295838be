/**
 * Push messages of a home that is opened: its subscription is made again where it is gone, missed alerts are reported
 * once.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import type { App } from "../app.ts";
import { NOTIFICATION_TEXTS } from "../screens/device/notifications/texts.ts";
import { HomePush, type HomePushApp, type HomePushConnection } from "./home_push.ts";
import { pushFault } from "./push_fault.ts";

/** What it uses of the page. */
export type KeepPushApp = HomePushApp & Pick<App, "language" | "notify">;

/** Keeps the push messages of an open home, if they are on here. */
export async function keepPush(app: KeepPushApp, connection: HomePushConnection): Promise<void> {
  const push = new HomePush(app, connection);
  // The screen of the device says what is wrong.
  await push.keep().catch(pushFault);
  try {
    const count = await push.markReported(await push.missed());
    // That screen lists them itself.
    if (count > 0) app.notify(NOTIFICATION_TEXTS[app.language.peek()].missedSome(count), { refersTo: "device" });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
  }
  await push.keepOthers();
}
