/**
 * The command `call`: calls a method of Jeedom's API through the gateway.
 *
 * @module
 */
import { parseExact, plainNumber } from "../lib/exact_json.ts";
import { isObject } from "../lib/json.ts";
import { APIKEY_NOTES, APIKEY_OPTIONS, findApikey, refuseTwoApikeys } from "./apikey.ts";
import { type CommandLine, formatUsage, readArgs, UsageError, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, makeClient, printAnswer, runClient } from "./client.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";

/** Command line of `call`. */
export const CALL_LINE = {
  synopsis: "deno task call METHOD [PARAMS]",
  summary: "Call a method of Jeedom's API through the gateway",
  options: {
    ...APIKEY_OPTIONS,
    endpoint: { type: "string", value: "PATH", description: "Path on the Jeedom server, instead of its JSON-RPC\nAPI" },
    ...CLIENT_OPTIONS,
  },
  notes: `PARAMS are one JSON object: '{"id": 3}'.\n${APIKEY_NOTES}`,
} as const satisfies CommandLine;

/** Calls a method and prints Jeedom's answer. A refusal of Jeedom's is a failure, although its HTTP status is 200. */
export function call(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [method, params, ...more] } = readArgs(platform.args, CALL_LINE);
    if (method === undefined) throw new UsageError(formatUsage(CALL_LINE));
    // They are not repeated: one may be an API key that lacks its option.
    if (more.length > 0) throw wrongUsage("One METHOD and its parameters are enough", CALL_LINE);
    refuseTwoApikeys(values);
    const parsed = parseParams(params);
    if (parsed !== undefined) warnOfSecretIn(parsed, platform);
    const client = await makeClient(platform, values);
    const apikey = await findApikey(values, platform);
    const answer = await client.callJeedom(method, parsed, { apikey, endpoint: values.endpoint });
    const code = printAnswer(answer, platform);
    const fault = faultOf(answer.body);
    if (code !== 0 || fault === undefined) return code;
    platform.printError(fault);
    return EXIT_FAILURE;
  });
}

/** Jeedom and the gateway also take an API key from there. */
function warnOfSecretIn(params: Record<string, unknown>, { printError }: Platform): void {
  const name = ["apikey", "api"].find((name) => Object.hasOwn(params, name));
  if (name === undefined) return;
  printError(`Others on this machine can see "${name}" of PARAMS: prefer --apikey-file FILE or JEEDOM_CALL_APIKEY`);
}

/** Says why an answer with status 200 is a failure; undefined for a success. */
function faultOf(body: unknown): string | undefined {
  const isEmpty = body === undefined || body === null || typeof body === "string" && body.trim() === "";
  if (isEmpty) return "Jeedom answers nothing: look into its log http.error";
  const error = isObject(body) ? body["error"] : undefined;
  if (error === undefined || error === null) return undefined;
  const { code, message = error } = isObject(error) ? error : {};
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return `Jeedom refuses the call: ${text}${code === undefined ? "" : ` (code ${code})`}`;
}

function parseParams(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value = plainNumber(parseExact(text));
    if (isObject(value)) return value;
  } catch {
    // Told below, like every other shape.
  }
  throw wrongUsage("Parameters must be one JSON object", CALL_LINE);
}
