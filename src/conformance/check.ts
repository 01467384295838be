/**
 * What a check is.
 *
 * @module
 */
import type { Version } from "../protocol/exchange.ts";
import { errorOf, isOutOfReach } from "./answer.ts";
import type { Probe } from "./probe.ts";

/** Both versions, for checks of what holds in either. */
export const BOTH: readonly Version[] = [1, 2];

/** One rule of docs/protocol.md, and how to see whether a gateway keeps it. Independent of all others. */
export interface Check {
  /** Its name in the table. */
  readonly name: string;
  /** What the protocol says. */
  readonly rule: string;
  /** The versions in which it holds; none for what has no envelope. */
  readonly versions: readonly Version[];
  /** What has to be there. Without it the check is skipped. */
  readonly needs?: Need;
  /** Whether it takes so long that it is made only on demand. */
  readonly isSlow?: boolean;
  /**
   * Makes the check, and leaves nothing behind.
   *
   * @throws `Mismatch` if the gateway does not keep the rule; `Skip` if that cannot be seen here
   */
  run(probe: Probe): Promise<void>;
}

/** Checks of one subject. */
export interface Subject {
  /** What they are about. */
  readonly name: string;
  /** The checks. */
  readonly checks: readonly Check[];
}

/** Something behind the gateway that has to be within its reach, and granted to the key. */
export type Need = "broker" | "Jeedom";

/** Tells why something is missing, or undefined if it is there. */
export function whyMissing(need: Need, probe: Probe): Promise<string | undefined> {
  return need === "broker" ? brokerMissing(probe) : jeedomMissing(probe);
}

async function jeedomMissing(probe: Probe): Promise<string | undefined> {
  const { answer } = await probe.ask("/gateway", { jsonrpc: "ping" });
  return reason(answer.status, errorOf(answer));
}

async function brokerMissing(probe: Probe): Promise<string | undefined> {
  const topic = probe.freshTopic();
  const { answer } = await probe.ask("/mqtt/publish", { topic, message: "" });
  const refused = reason(answer.status, errorOf(answer));
  if (refused !== undefined) return refused;
  await using stream = await probe.subscribe({ topic });
  const { type, message } = stream.first.event;
  return type === "error" ? reason(0, String(message)) : undefined;
}

/** Anything else is for the checks to find. */
function reason(status: number, message: string | undefined): string | undefined {
  return message !== undefined && isOutOfReach(status, message) ? message : undefined;
}
