/**
 * The command `call`: calls a method of Jeedom's API through the gateway.
 *
 * @module
 */
import type { Sources } from "../config/load.ts";
import { errorName } from "../lib/errors.ts";
import { parseExact, plainNumber } from "../lib/exact_json.ts";
import { isObject } from "../lib/json.ts";
import { readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { type CommandLine, formatUsage, type Options, readArgs, UsageError, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, isComplete, makeClient, printAnswer, readClientSources, runClient } from "./client.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";

/** Options for Jeedom's API key. */
const APIKEY_OPTIONS = {
  "apikey-file": {
    type: "string",
    value: "FILE",
    description: "File that holds Jeedom's API key; - asks for it, or\nreads standard input",
  },
  apikey: {
    type: "string",
    value: "KEY",
    description: "The API key itself, which others on this machine can\nthen see",
  },
} as const satisfies Options;

/** Precedence of the sources of the API key, for the help. */
const APIKEY_NOTES = `The API key comes from one of these options, or else from JEEDOM_CALL_APIKEY in
the environment or .env, which is not read when --url and --key-file are given.
Without any, the gateway takes its own JEEDOM_APIKEY.`;

/** Values of these options. */
interface ApikeyValues {
  /** The API key itself. */
  readonly apikey?: string | undefined;
  /** File that holds the API key. */
  readonly "apikey-file"?: string | undefined;
}

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

/** Calls a method and prints Jeedom's answer. An error of Jeedom is a failure, although its HTTP status is 200. */
export function call(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [method, params, ...more] } = readArgs(platform.args, CALL_LINE);
    if (method === undefined) throw new UsageError(formatUsage(CALL_LINE));
    // They are not printed: one may be an API key without its option.
    if (more.length > 0) throw wrongUsage("Expected METHOD and PARAMS only", CALL_LINE);
    refuseTwoApikeys(values);
    const parsed = parseParams(params);
    if (parsed !== undefined) warnOfSecretIn(parsed, platform);
    const sources = await readClientSources(platform, isComplete(values));
    const client = await makeClient(sources, values, platform);
    const apikey = await findApikey(values, sources, platform);
    const answer = await client.callJeedom(method, parsed, { apikey, endpoint: values.endpoint });
    const code = printAnswer(answer, platform);
    const fault = faultOf(answer.body);
    if (code !== 0 || fault === undefined) return code;
    platform.printError(fault);
    return EXIT_FAILURE;
  });
}

/** Warns of an API key in the parameters, where Jeedom and the gateway also read it. */
function warnOfSecretIn(params: Record<string, unknown>, { printError }: Platform): void {
  const name = ["apikey", "api"].find((name) => Object.hasOwn(params, name));
  if (name === undefined) return;
  printError(`Others on this machine can see "${name}" of PARAMS: prefer --apikey-file FILE or JEEDOM_CALL_APIKEY`);
}

/** Returns why an answer with status 200 is a failure; undefined for a success. */
function faultOf(body: unknown): string | undefined {
  const isEmpty = body === undefined || body === null || typeof body === "string" && body.trim() === "";
  if (isEmpty) return "Jeedom sent an empty answer: see its log http.error";
  const error = isObject(body) ? body["error"] : undefined;
  if (error === undefined || error === null) return undefined;
  const { code, message = error } = isObject(error) ? error : {};
  const text = typeof message === "string" ? message : JSON.stringify(message);
  return `Jeedom refuses the call: ${text}${code === undefined ? "" : ` (code ${JSON.stringify(code)})`}`;
}

function parseParams(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value = plainNumber(parseExact(text));
    if (isObject(value)) return value;
  } catch {
    // Reported below, as any other value.
  }
  throw wrongUsage("Parameters must be one JSON object", CALL_LINE);
}

/** Value of `--apikey-file` for standard input. */
const STANDARD_INPUT = "-";

/** Largest file of an API key to read, in bytes: far more than any key. */
const MAX_APIKEY_FILE_BYTES = 4096;

const WARNING = "Others on this machine can see an API key that is given with --apikey: prefer --apikey-file FILE, " +
  "--apikey-file - (asks for it) or JEEDOM_CALL_APIKEY";

/** Parts of the machine that the API key is read from. */
type ApikeyPlatform = Pick<Platform, "askSecret" | "env" | "files" | "printError" | "stdin">;

/**
 * Finds the API key: `--apikey-file` or `--apikey`, else `JEEDOM_CALL_APIKEY`.
 *
 * @returns the key; undefined leaves it to the gateway
 * @throws {UsageError} if the source of an option has no API key
 */
async function findApikey(
  { apikey, "apikey-file": path }: ApikeyValues,
  { environment, file }: Sources,
  platform: ApikeyPlatform,
): Promise<string | undefined> {
  if (apikey !== undefined) {
    platform.printError(WARNING);
    return parseApikey(apikey, "--apikey");
  }
  if (path !== undefined) return await readApikey(path, platform);
  return (environment["JEEDOM_CALL_APIKEY"] || file["JEEDOM_CALL_APIKEY"])?.trim() || undefined;
}

/**
 * Rejects a command line with two API keys.
 *
 * @throws {UsageError} if there are two
 */
function refuseTwoApikeys({ apikey, "apikey-file": path }: ApikeyValues): void {
  if (apikey !== undefined && path !== undefined) throw new UsageError("Give --apikey-file or --apikey, not both");
}

/** Reads a file, or standard input. Its errors show neither path nor content: either may be the API key. */
async function readApikey(path: string, { askSecret, files, stdin }: ApikeyPlatform): Promise<string> {
  const isInput = path === STANDARD_INPUT;
  const source = isInput ? "Standard input" : "The file of --apikey-file";
  if (isInput && stdin.isTerminal()) return parseApikey(await askSecret(QUESTION) ?? "", source);
  try {
    // Its stream closes the file. The limit also applies to a pipe, which has no size.
    const { readable } = isInput ? stdin : await files.open(path, { read: true });
    const bytes = await readBytes(new Response(readable), MAX_APIKEY_FILE_BYTES);
    // Decoding removes a byte order mark.
    return parseApikey(new TextDecoder("utf-8", { fatal: true }).decode(bytes), source);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof TooLargeError || error instanceof TypeError) throw wrong(source);
    throw new UsageError(`${source} cannot be read: ${reason(error)}`);
  }
}

const QUESTION = "API key of Jeedom, which is not shown while you type:";

function parseApikey(text: string, source: string): string {
  const apikey = text.trim();
  // A text with a control character is no API key.
  // deno-lint-ignore no-control-regex
  if (apikey === "" || /[\0-\x1f\x7f]/.test(apikey)) throw wrong(source);
  return apikey;
}

function wrong(source: string): UsageError {
  return new UsageError(`${source} must hold one line: the API key, and nothing else`);
}

function reason(error: unknown): string {
  const name = errorName(error);
  return REASONS[name] ?? name;
}

const REASONS: Readonly<Record<string, string>> = {
  NotFound: "there is no such file",
  PermissionDenied: "this user may not read it",
  NotCapable: "the sandbox does not allow it",
  IsADirectory: "it is a directory",
};
