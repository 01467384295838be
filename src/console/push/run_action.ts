/**
 * Run of a notification's button, without the page.
 *
 * @module
 */
import { GatewayClient } from "@e2e-gateway/client";
import { outcomeOf, type Run } from "../commands/outcome.ts";
import { secretKeyOf } from "../connection/secret_key.ts";
import type { Home } from "../homes/home.ts";

/** Longest wait for the answer, in milliseconds: browsers stop a service worker after half a minute. */
const TIMEOUT_MS = 20_000;

/** Home, action and network. */
export interface RunActionOptions {
  /** Homes of this device. */
  readonly homes: readonly Home[];
  /** Id of the key that the message was for. */
  readonly kid: string;
  /** Name of the action. */
  readonly name: string;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** False where the device has no network. */
  readonly isOnline: boolean;
}

/** Runs an action with the key of a home, and returns its outcome. */
export async function runAction({ homes, kid, name, fetch, isOnline }: RunActionOptions): Promise<Run> {
  const home = homes.find((home) => home.kid === kid);
  if (home === undefined) return { kind: "failed", reason: "key" };
  try {
    await clientOf(home, fetch).action(name, {}, { timeout: TIMEOUT_MS });
    return { kind: "done" };
  } catch (error) {
    return outcomeOf(error, { isOnline, usesLeft: undefined });
  }
}

/** Makes the client of a home for a single request. */
export function clientOf(home: Home, fetch: typeof globalThis.fetch): GatewayClient {
  return new GatewayClient({ url: home.base, key: secretKeyOf(home), keyName: home.name, protocol: 2, fetch });
}
