/**
 * The command `subscribe`: prints MQTT messages that arrive through the gateway.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { CLIENT_OPTIONS, makeClient, runClient, UsageError } from "./client.ts";
import { EXIT_FAILURE, type Platform } from "./platform.ts";
import { parseQos } from "./publish.ts";

const USAGE = "Usage: deno task subscribe FILTER... [--qos 0|1|2] [--once] [--url URL] [--protocol 1|2|auto]";

/**
 * Prints one line for each message, also after the line or the broker was away, until the person stops it. With
 * `--once` the first stream's end is the end.
 */
export function subscribe(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: filters } = parseArgs({
      args: [...platform.args],
      allowPositionals: true,
      options: {
        ...CLIENT_OPTIONS,
        qos: { type: "string", default: "0" },
        once: { type: "boolean", default: false },
      },
    });
    if (filters.length === 0) throw new UsageError(USAGE);
    const client = await makeClient(platform, values);
    const stopped = new AbortController();
    platform.untilStopped().then(() => stopped.abort());
    try {
      const events = client.subscribe(filters, {
        qos: parseQos(values.qos, USAGE),
        keep: !values.once,
        resume: !values.once,
        signal: stopped.signal,
      });
      for await (const event of events) {
        if (event.type === "message") {
          // One line for each message, whatever is in it.
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
