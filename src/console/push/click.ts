/**
 * Consequences of a click on a notification.
 *
 * @module
 */
import { alertRoute } from "./alert_route.ts";
import type { NotificationData } from "./shown_notification.ts";

/** Open window of the page. */
export interface PageWindow {
  /** Address. */
  readonly url: string;
  /** True if it has the focus. */
  readonly focused: boolean;
}

/** Consequence of a click. */
export type ClickStep<Window extends PageWindow> =
  /** Runs the action of a button. */
  | { readonly type: "run"; readonly kid: string; readonly name: string }
  /** Shows an open window, and its screen for the home. */
  | { readonly type: "focus"; readonly window: Window; readonly route: string }
  /** Opens a window. */
  | { readonly type: "open"; readonly url: string };

/**
 * Returns the consequence of a click.
 *
 * @param windows open windows of the origin, which may have other pages
 * @param click `action` is the button's action, empty for the notification itself
 * @param scope address of the page
 */
export function clickStep<Window extends PageWindow>(
  windows: readonly Window[],
  { action, data: { kid, actions } }: { readonly action: string; readonly data: NotificationData },
  scope: string,
): ClickStep<Window> {
  if (kid !== undefined && actions.some(({ name }) => name === action)) return { type: "run", kid, name: action };
  const route = kid === undefined ? "#/device" : alertRoute(kid);
  // The admin page is below it.
  const own = windows.filter(({ url }) => /^[?#]|^$/.test(url.startsWith(scope) ? url.slice(scope.length) : "-"));
  const window = own.find(({ focused }) => focused) ?? own[0];
  return window === undefined ? { type: "open", url: new URL(route, scope).href } : { type: "focus", window, route };
}
