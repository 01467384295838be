/**
 * The command `home-assistant`: calls a service of Home Assistant through the gateway.
 *
 * @module
 */
import { parseExact, plainNumber } from "../lib/exact_json.ts";
import { isObject } from "../lib/json.ts";
import { type CommandLine, formatUsage, readArgs, UsageError, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, openClient, printAnswer, runClient } from "./client.ts";
import type { Platform } from "../platform.ts";

/** Command line of `home-assistant`. */
export const HOME_ASSISTANT_LINE = {
  synopsis: "deno task home-assistant CALL [ENTITY...]",
  summary: "Call a service of Home Assistant through the gateway",
  options: {
    data: { type: "string", value: "JSON", description: "Data of the call: '{\"brightness\": 128}'" },
    response: { type: "boolean", default: false, description: "Print the response of the call as well" },
    ...CLIENT_OPTIONS,
  },
  notes: "CALL is a domain and a service: light.turn_on.",
} as const satisfies CommandLine;

/** Calls the service, and prints the states that changed. */
export function homeAssistant(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [call, ...entities] } = readArgs(platform.args, HOME_ASSISTANT_LINE);
    if (call === undefined) throw new UsageError(formatUsage(HOME_ASSISTANT_LINE));
    const options = {
      target: entities.length === 0 ? undefined : entities,
      data: parseData(values.data),
      returnResponse: values.response || undefined,
    };
    const client = await openClient(values, platform);
    return printAnswer(await client.homeAssistant(call, options), platform);
  });
}

function parseData(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const value = plainNumber(parseExact(text));
    if (isObject(value)) return value;
  } catch {
    // Reported below, as any other value.
  }
  throw wrongUsage("--data must be one JSON object", HOME_ASSISTANT_LINE);
}
