/**
 * Jeedom's API key for a call: where it comes from. Never from the command line, if it can be helped: others on the
 * machine can see that, and `deno task` prints it.
 *
 * @module
 */
import { errorName } from "../lib/errors.ts";
import { readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { type Options, UsageError } from "./args.ts";
import { type ClientValues, isComplete, readClientSources } from "./client.ts";
import type { Platform } from "../platform.ts";

/** The options that say which API key to send. */
export const APIKEY_OPTIONS = {
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

/** Which of several API keys counts, for the help. */
export const APIKEY_NOTES = `The API key comes from one of these options, or else from JEEDOM_CALL_APIKEY in
the environment or .env, which is not read when --url and --key-file are given.
Without any, the gateway takes its own JEEDOM_APIKEY.`;

/** Values of these options. */
export interface ApikeyValues {
  /** The API key itself. */
  readonly apikey?: string | undefined;
  /** File that holds the API key. */
  readonly "apikey-file"?: string | undefined;
}

/** Value of `--apikey-file` for standard input. */
const STANDARD_INPUT = "-";

/** Largest file of an API key to read, in bytes: far more than any key. */
const MAX_APIKEY_FILE_BYTES = 4096;

const WARNING = "Others on this machine can see an API key that is given with --apikey: prefer --apikey-file FILE, " +
  "--apikey-file - (asks for it) or JEEDOM_CALL_APIKEY";

/** The parts of the machine that reading an API key takes. */
export type ApikeyPlatform = Pick<Platform, "askSecret" | "env" | "files" | "printError" | "stdin">;

/**
 * Finds the API key: `--apikey-file` or `--apikey`, else `JEEDOM_CALL_APIKEY`.
 *
 * @returns the key; undefined leaves it to the gateway
 * @throws {UsageError} if an option names none
 */
export async function findApikey(
  values: ApikeyValues & ClientValues,
  platform: ApikeyPlatform,
): Promise<string | undefined> {
  const { apikey, "apikey-file": path } = values;
  if (apikey !== undefined) {
    platform.printError(WARNING);
    return parseApikey(apikey, "--apikey");
  }
  if (path !== undefined) return await readApikey(path, platform);
  const { environment, file } = await readClientSources(platform, isComplete(values));
  return (environment["JEEDOM_CALL_APIKEY"] || file["JEEDOM_CALL_APIKEY"])?.trim() || undefined;
}

/**
 * Refuses a command line with two API keys.
 *
 * @throws {UsageError} if there are two
 */
export function refuseTwoApikeys({ apikey, "apikey-file": path }: ApikeyValues): void {
  if (apikey !== undefined && path !== undefined) throw new UsageError("Give --apikey-file or --apikey, not both");
}

/** Reads a file, or standard input. Its errors tell neither path nor content: either may be the API key. */
async function readApikey(path: string, { askSecret, files, stdin }: ApikeyPlatform): Promise<string> {
  const isInput = path === STANDARD_INPUT;
  const source = isInput ? "Standard input" : "The file of --apikey-file";
  if (isInput && stdin.isTerminal()) return parseApikey(await askSecret(QUESTION) ?? "", source);
  try {
    // Its stream closes the file. The bound holds also for what has no size, such as a pipe.
    const { readable } = isInput ? stdin : await files.open(path, { read: true });
    const bytes = await readBytes(new Response(readable), MAX_APIKEY_FILE_BYTES);
    // This takes a byte order mark away.
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
  // No control character either: such a text is something else.
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
