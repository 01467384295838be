/**
 * Consequences of a click on a notification.
 *
 * @module
 */
import type { NotificationAction } from "../../protocol/push/notification.ts";
import { actionRoute, alertRoute } from "./notification_route.ts";
import type { NotificationData } from "./shown_notification.ts";

/** Open window of the page. */
export interface PageWindow {
  /** Address. */
  readonly url: string;
  /** True if it has the focus. */
  readonly focused: boolean;
}

/** Consequence of a click. */
export type ClickStep =
  /** Runs the action of a button. */
  | { readonly type: "run"; readonly kid: string; readonly button: NotificationAction }
  /** Shows a screen of the page. */
  | { readonly type: "show"; readonly route: string };

/** Returns the consequence of a click; `action` is that of the button, empty for the notification itself. */
export function clickStep(action: string, { kid, actions, asks }: NotificationData): ClickStep {
  if (kid === undefined) return { type: "show", route: "#/device" };
  const button = actions.find(({ name }) => name === action);
  if (button !== undefined) return { type: "run", kid, button };
  return { type: "show", route: asks === undefined ? alertRoute(kid) : actionRoute(kid, asks) };
}

/**
 * Returns the open window that is to show a screen; undefined if there is none.
 *
 * @param windows open windows of the origin, which may have other pages
 * @param scope address of the page
 */
export function ownWindow<Window extends PageWindow>(windows: readonly Window[], scope: string): Window | undefined {
  // The admin page is below it.
  const own = windows.filter(({ url }) => /^[?#]|^$/.test(url.startsWith(scope) ? url.slice(scope.length) : "-"));
  return own.find(({ focused }) => focused) ?? own[0];
}
