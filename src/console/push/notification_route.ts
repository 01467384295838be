/**
 * Addresses that a click on a notification opens: the alerts of one of this device's homes, or one of its actions.
 *
 * @module
 */
import { formatRoute, type Route } from "../router.ts";

/** Kinds of addresses: the screen, and the part of the address behind it. */
const ALERTS = { screen: "device", part: "alerts" } as const;
const ACTION = { screen: "home", part: "action" } as const;

/** Formats the address of the alerts of a home. */
export function alertRoute(kid: string): string {
  return formatRoute(ALERTS.screen, ALERTS.part, kid);
}

/** Formats the address that opens the question of an action. */
export function actionRoute(kid: string, name: string): string {
  return formatRoute(ACTION.screen, ACTION.part, kid, name);
}

/** Returns the id of the key that an address names; undefined for another address. */
export function routeKid(route: Route | undefined): string | undefined {
  return [ALERTS, ACTION].some((kind) => isOf(route, kind)) ? route?.rest[1] : undefined;
}

/** Returns the name of the action that an address opens for a home; undefined for another address, or another home. */
export function askedAction(route: Route | undefined, kid: string): string | undefined {
  return isOf(route, ACTION) && route?.rest[1] === kid ? route.rest[2] : undefined;
}

function isOf(route: Route | undefined, { screen, part }: typeof ALERTS | typeof ACTION): boolean {
  return route?.screen === screen && route.rest[0] === part;
}
