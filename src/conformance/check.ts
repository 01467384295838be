/**
 * Checks, and the services that they need.
 *
 * @module
 */
import type { Version } from "../protocol/exchange.ts";
import { errorOf, isUnavailable } from "./answer.ts";
import type { Probe } from "./probe.ts";

/** Both versions of the protocol. */
export const BOTH: readonly Version[] = [1, 2];

/** Rule of docs/protocol.md, and a test of it, independent of all others. */
export interface Check {
  /** Name in the table. */
  readonly name: string;
  /** Rule of the protocol. */
  readonly rule: string;
  /** Versions of the protocol; none for rules without an envelope. */
  readonly versions: readonly Version[];
  /** Service without which the check is skipped. */
  readonly needs?: Need;
  /** True if the check takes so long that it runs only on demand. */
  readonly isSlow?: boolean;
  /**
   * Runs the check, and removes all that it retained on the broker.
   *
   * @throws `Mismatch` if the gateway breaks the rule; `Skip` if that cannot be tested here
   */
  run(probe: Probe): Promise<void>;
}

/** Checks of one subject. */
export interface Subject {
  /** Name of the subject. */
  readonly name: string;
  /** Checks. */
  readonly checks: readonly Check[];
}

/** Service behind the gateway that a check needs, with a right of the key to it. */
export type Need = "broker" | "Jeedom";

/** Returns the reason why a service is unavailable; undefined if it is available. */
export function whyUnavailable(need: Need, probe: Probe): Promise<string | undefined> {
  return need === "broker" ? whyBrokerUnavailable(probe) : whyJeedomUnavailable(probe);
}

async function whyJeedomUnavailable(probe: Probe): Promise<string | undefined> {
  const { answer } = await probe.ask("/gateway", { jsonrpc: "ping" });
  return reason(answer.status, errorOf(answer));
}

async function whyBrokerUnavailable(probe: Probe): Promise<string | undefined> {
  const topic = probe.freshTopic();
  const { answer } = await probe.ask("/mqtt/publish", { topic, message: "" });
  const refused = reason(answer.status, errorOf(answer));
  if (refused !== undefined) return refused;
  await using stream = await probe.subscribe({ topic });
  const { type, message } = stream.first.event;
  return type === "error" ? reason(0, String(message)) : undefined;
}

/** Other failures are found by the checks. */
function reason(status: number, message: string | undefined): string | undefined {
  return message !== undefined && isUnavailable(status, message) ? message : undefined;
}
