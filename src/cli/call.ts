/**
 * The command `call`: calls a method of Jeedom's API through the gateway.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { parseExact, plainNumber } from "../protocol/exact_json.ts";
import { isObject } from "../protocol/is_object.ts";
import { CLIENT_OPTIONS, makeClient, printAnswer, runClient, UsageError } from "./client.ts";
import type { Platform } from "./platform.ts";

const USAGE =
  "Usage: deno task call METHOD ['{\"id\": 1}'] [--apikey KEY] [--endpoint PATH] [--url URL] [--protocol 1|2|auto]";

/** Calls a method and prints Jeedom's answer. */
export function call(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [method, params] } = parseArgs({
      args: [...platform.args],
      allowPositionals: true,
      options: { ...CLIENT_OPTIONS, apikey: { type: "string" }, endpoint: { type: "string" } },
    });
    if (method === undefined) throw new UsageError(USAGE);
    const client = await makeClient(platform, values);
    const answer = await client.callJeedom(method, parseParams(params), {
      apikey: values.apikey,
      endpoint: values.endpoint,
    });
    return printAnswer(answer, platform);
  });
}

function parseParams(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value = plainNumber(parseExact(text));
    if (isObject(value)) return value;
  } catch {
    // Told below, like every other shape.
  }
  throw new UsageError(`Parameters must be one JSON object\n${USAGE}`);
}
