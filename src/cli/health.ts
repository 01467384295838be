/**
 * The command `health`: asks whether the gateway runs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { GatewayClient } from "../client/gateway_client.ts";
import { CLIENT_OPTIONS, gatewayUrl, readClientSources, runClient } from "./client.ts";
import type { Platform } from "./platform.ts";

/** Prints the gateway's status and version. */
export function health(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values } = parseArgs({ args: [...platform.args], options: CLIENT_OPTIONS });
    // Asking for health takes no key.
    const client = new GatewayClient({
      url: values.url || gatewayUrl(await readClientSources(platform), values),
      key: "0".repeat(64),
      fetch: platform.fetch,
    });
    platform.print(JSON.stringify(await client.health()));
    return 0;
  });
}
