/**
 * Run of a notification's button, without the page.
 *
 * @module
 */
import { GatewayClient } from "@e2e-gateway/client";
import type { NotificationAction } from "../../protocol/push/notification.ts";
import { outcomeOf, type Run } from "../commands/outcome.ts";
import { secretKeyOf } from "../connection/secret_key.ts";
import type { Home } from "../homes/home.ts";
import { parseActionList } from "../screens/home/actions/action_list.ts";

/**
 * Longest waits for the answers, in milliseconds: browsers stop a service worker after half a minute. The gateway waits
 * for the states of its list for two seconds.
 */
const TIMEOUT_MS = { list: 8000, run: 12_000 } as const;

/** Outcome of a button: that of its run, or nothing was run, as the page has to ask first. */
export type ButtonOutcome = Run | { readonly kind: "asks" };

/** Home, button and network. */
export interface RunButtonOptions {
  /** Homes of this device. */
  readonly homes: readonly Home[];
  /** Id of the key that the message was for. */
  readonly kid: string;
  /** Action, and the text that the person pressed. */
  readonly button: NotificationAction;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** False where the device has no network. */
  readonly isOnline: boolean;
}

/**
 * Runs an action with the key of a home, and returns its outcome. Only one that the gateway lists now without a
 * question, without parameters and under the text of the button: the notification may be older than these.
 */
export async function runButton({ homes, kid, button, fetch, isOnline }: RunButtonOptions): Promise<ButtonOutcome> {
  const home = homes.find((home) => home.kid === kid);
  if (home === undefined) return { kind: "failed", reason: "key" };
  const { name, label } = button;
  const client = clientOf(home, fetch);
  try {
    const list = parseActionList(await client.call("action", {}, { timeout: TIMEOUT_MS.list }));
    if (list === undefined) return { kind: "asks" };
    const action = list.actions.find((action) => action.name === name);
    if (action === undefined) return { kind: "failed", reason: "not_allowed" };
    if (action.confirm !== undefined || action.params?.length !== 0 || action.label !== label) return { kind: "asks" };
  } catch {
    // Whatever the reason is, the action was not sent.
    return { kind: "failed", reason: isOnline ? "refused" : "offline" };
  }
  try {
    await client.action(name, {}, { timeout: TIMEOUT_MS.run });
    return { kind: "done" };
  } catch (error) {
    return outcomeOf(error, { isOnline, usesLeft: undefined });
  }
}

/** Makes the client of a home for a single request. */
export function clientOf(home: Home, fetch: typeof globalThis.fetch): GatewayClient {
  return new GatewayClient({ url: home.base, key: secretKeyOf(home), keyName: home.name, protocol: 2, fetch });
}
