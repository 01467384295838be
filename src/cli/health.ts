/**
 * The command `health`: requests the health of the gateway.
 *
 * @module
 */
import { GatewayClient } from "../client/gateway_client.ts";
import { type CommandLine, readOptions } from "./args.ts";
import { CLIENT_OPTIONS, gatewayUrl, readClientSources, runClient } from "./client.ts";
import type { Platform } from "../platform.ts";

/** Command line of `health`. */
export const HEALTH_LINE = {
  synopsis: "deno task health",
  summary: "Ask whether the gateway runs",
  options: CLIENT_OPTIONS,
  notes: "It needs no key: --key-file and --protocol have no effect.",
} as const satisfies CommandLine;

/** Prints the gateway's status and version. */
export function health(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const values = readOptions(platform.args, HEALTH_LINE);
    // The request needs no key.
    const client = new GatewayClient({
      url: gatewayUrl(await readClientSources(platform, Boolean(values.url)), values),
      key: "0".repeat(64),
      fetch: platform.fetch,
    });
    platform.print(JSON.stringify(await client.health()));
    return 0;
  });
}
