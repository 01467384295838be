/**
 * The command `subscribe`: prints MQTT messages, or states of Home Assistant, that arrive through the gateway.
 *
 * @module
 */
import { type CommandLine, formatUsage, readArgs, UsageError, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, openClient, runClient } from "./client.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";
import { parseQos, QOS_OPTION } from "./publish.ts";

/** Command line of `subscribe`. */
export const SUBSCRIBE_LINE = {
  synopsis: "deno task subscribe FILTER...",
  summary: "Print MQTT messages that arrive through the gateway",
  options: {
    entities: {
      type: "boolean",
      default: false,
      description: "Print states of Home Assistant: FILTER is a pattern of\nentities",
    },
    // Without a default, so that one that is given is told apart.
    qos: { type: "string", value: QOS_OPTION.value, description: "Quality of service of MQTT (default: 0)" },
    once: {
      type: "boolean",
      default: false,
      description: "End with the stream, instead of reconnecting",
    },
    ...CLIENT_OPTIONS,
  },
  notes: "It prints until Ctrl-C. Put a filter between quotes: 'home/#', 'sensor.*'.",
} as const satisfies CommandLine;

/**
 * Prints one line for each message until the operator stops it, and reconnects when the connection or the broker was
 * lost. With `--once`, it ends with the first stream.
 */
export function subscribe(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: filters } = readArgs(platform.args, SUBSCRIBE_LINE);
    if (filters.length === 0) throw new UsageError(formatUsage(SUBSCRIBE_LINE));
    if (values.entities && values.qos !== undefined) {
      throw wrongUsage("--qos is for MQTT: remove it, or --entities", SUBSCRIBE_LINE);
    }
    const qos = parseQos(values.qos ?? QOS_OPTION.default, SUBSCRIBE_LINE);
    const client = await openClient(values, platform);
    const stopped = new AbortController();
    platform.untilStopped().then(() => stopped.abort());
    try {
      const options = { keep: !values.once, resume: !values.once, signal: stopped.signal };
      const events = values.entities
        ? client.subscribeEntities(filters, options)
        : client.subscribe(filters, { qos, ...options });
      for await (const event of events) {
        if (event.type === "message") {
          // One line for each message, also for a payload with several.
          platform.print(`${event.topic} ${(event.payload ?? event.payload_b64 ?? "").replace(/[\r\n]+/g, " ")}`);
        } else platform.printError(`${event.type}: ${event.message}`);
      }
    } catch (error) {
      if (stopped.signal.aborted) return 0;
      throw error;
    }
    return EXIT_FAILURE;
  });
}
