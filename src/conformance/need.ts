/**
 * What checks need besides the gateway.
 *
 * @module
 */
import { errorOf, isOutOfReach } from "./answer.ts";
import type { Probe } from "./probe.ts";

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
