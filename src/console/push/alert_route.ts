/**
 * Address of the alerts of one of this device's homes, which a click on a notification opens.
 *
 * @module
 */
import { formatRoute, type Route } from "../router.ts";

/** Id of the screen with the alerts. */
const SCREEN = "device";

/** Part of the address that stands for alerts. */
const ALERTS = "alerts";

/** Formats the address of the alerts of a home. */
export function alertRoute(kid: string): string {
  return formatRoute(SCREEN, ALERTS, kid);
}

/** Returns the id of the key whose alerts an address names; undefined for another address. */
export function alertKid(route: Route | undefined): string | undefined {
  return route?.screen === SCREEN && route.rest[0] === ALERTS ? route.rest[1] : undefined;
}
