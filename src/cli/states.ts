/**
 * The command `states`: prints states of Home Assistant through the gateway.
 *
 * @module
 */
import { type CommandLine, readArgs } from "./args.ts";
import { CLIENT_OPTIONS, openClient, runClient } from "./client.ts";
import type { Platform } from "../platform.ts";

/** Command line of `states`. */
export const STATES_LINE = {
  synopsis: "deno task states [PATTERN...]",
  summary: "Print the states of Home Assistant's entities that the key may read",
  options: {
    json: { type: "boolean", default: false, description: "Print JSON, with all attributes" },
    ...CLIENT_OPTIONS,
  },
  notes: "Put a pattern of entities between quotes: 'light.*'.",
} as const satisfies CommandLine;

/** Prints a line for each entity: its id, its state, and the unit of that. */
export function states(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: patterns } = readArgs(platform.args, STATES_LINE);
    const client = await openClient(values, platform);
    const found = await client.homeAssistantStates(patterns.length === 0 ? ["*"] : patterns);
    if (values.json) platform.print(JSON.stringify(found, null, 2));
    else {
      for (const { entity_id: entity, state, attributes } of found) {
        const unit = attributes["unit_of_measurement"];
        platform.print(`${entity} ${state}${typeof unit === "string" ? ` ${unit}` : ""}`);
      }
    }
    return 0;
  });
}
