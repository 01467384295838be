/**
 * The command `publish`: publishes an MQTT message through the gateway.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { CLIENT_OPTIONS, makeClient, printAnswer, runClient, UsageError } from "./client.ts";
import type { Platform } from "./platform.ts";

const USAGE = "Usage: deno task publish TOPIC MESSAGE [--qos 0|1|2] [--retain] [--url URL] [--protocol 1|2|auto]";

/** Publishes a message and prints the gateway's answer. */
export function publish(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [topic, message] } = parseArgs({
      args: [...platform.args],
      allowPositionals: true,
      options: {
        ...CLIENT_OPTIONS,
        qos: { type: "string", default: "0" },
        retain: { type: "boolean", default: false },
      },
    });
    if (topic === undefined || message === undefined) throw new UsageError(USAGE);
    const client = await makeClient(platform, values);
    const answer = await client.publish(topic, message, { qos: parseQos(values.qos, USAGE), retain: values.retain });
    return printAnswer(answer, platform);
  });
}

/**
 * Reads a quality of service.
 *
 * @throws {UsageError} if it is not 0, 1 or 2
 */
export function parseQos(text: string, usage: string): 0 | 1 | 2 {
  if (text === "0") return 0;
  if (text === "1") return 1;
  if (text === "2") return 2;
  throw new UsageError(`--qos must be 0, 1 or 2\n${usage}`);
}
