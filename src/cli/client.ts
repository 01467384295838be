/**
 * Shared parts of the client commands: address, key, and messages about failures.
 *
 * @module
 */
import { type Answer, GatewayClient, GatewayError, type Version, WrongKeyError } from "../client/gateway_client.ts";
import { ConfigError, parseConfig } from "../config/parse.ts";
import { CLIENT_VARIABLES, SETTINGS, variableNames } from "../config/settings.ts";
import { parseExact } from "../lib/exact_json.ts";
import { toHex } from "../protocol/bytes.ts";
import { KeyFileError, readKey } from "../keys/default_key_file.ts";
import { type Options, UsageError } from "./args.ts";
import { localUrl } from "../net/host.ts";
import { EXIT_CONFIG, EXIT_FAILURE, EXIT_USAGE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";
import { readSources, type Sources } from "../config/load.ts";
import { reportConfigError } from "./config_errors.ts";

/** Options of every client command. */
export const CLIENT_OPTIONS = {
  url: {
    type: "string",
    value: "URL",
    description: "The gateway's address; without it GATEWAY_URL, or else\nthis machine",
  },
  "key-file": {
    type: "string",
    value: "FILE",
    description: "File that holds the key; without it GATEWAY_KEY, or else\nthe file at SECRET_KEY_FILE",
  },
  protocol: {
    type: "string",
    value: "1|2|auto",
    default: "2",
    description: "Version of the protocol",
  },
} as const satisfies Options;

/** Values of these options. */
export interface ClientValues {
  /** Address of the gateway. */
  readonly url?: string | undefined;
  /** File that holds the key. */
  readonly "key-file"?: string | undefined;
  /** Version of the protocol: 1, 2 or auto; 2 by default. */
  readonly protocol: string;
}

/**
 * Reads the settings, and the variables of the client commands.
 *
 * @param isComplete true if the options name all that is needed: then `.env` is not read, and may be invalid
 */
export async function readClientSources(
  platform: Pick<Platform, "env" | "files">,
  isComplete: boolean,
): Promise<Sources> {
  if (!isComplete) return await readSources(platform, [...variableNames(SETTINGS), ...CLIENT_VARIABLES]);
  const environment = Object.fromEntries(CLIENT_VARIABLES.map((name) => [name, platform.env(name)]));
  return { environment, file: {}, unreadLines: [] };
}

/** Returns whether the options name both the gateway and the key. */
export function isComplete({ url, "key-file": keyFile }: Pick<ClientValues, "url" | "key-file">): boolean {
  return Boolean(url && keyFile);
}

/**
 * Returns the address of the gateway without a trailing slash: `--url`, `GATEWAY_URL`, or this machine at the configured
 * port.
 *
 * @throws {UsageError} if `--url` is invalid
 * @throws {TypeError} if `GATEWAY_URL` is invalid
 */
export function gatewayUrl({ environment, file }: Sources, { url }: Pick<ClientValues, "url">): string {
  const given = url || environment["GATEWAY_URL"] || file["GATEWAY_URL"];
  if (!given) return localUrl(parseConfig(environment, file).server);
  const parsed = parseUrl(given);
  if (parsed !== undefined) return parsed;
  throw url ? new UsageError(`${URL_RULE}: change --url`) : new TypeError(`${URL_RULE}: change GATEWAY_URL`);
}

const URL_RULE = "URL must be http:// or https://, without login, query or fragment";

/** Parses an address that paths can be appended to. It is part of messages, so it must not contain a password. */
function parseUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    return undefined;
  }
  return url.href.replace(/\/+$/, "");
}

/**
 * Finds the key: `--key-file`, `GATEWAY_KEY`, or the configured file.
 *
 * @returns its text, which may be invalid if it is from `GATEWAY_KEY`
 * @throws {UsageError} if there is none
 * @throws {KeyFileError} if the file is invalid
 */
export async function findKey(
  { environment, file }: Sources,
  { files, "key-file": keyFile }: Pick<Platform, "files"> & Pick<ClientValues, "key-file">,
): Promise<string> {
  const given = keyFile ? undefined : environment["GATEWAY_KEY"]?.trim() || file["GATEWAY_KEY"]?.trim();
  if (given) return given;
  const path = keyFile || parseConfig(environment, file).keys.secretKeyFile;
  const key = await readKey(path, files);
  if (key !== undefined) return toHex(key);
  throw new UsageError(
    `No key: "${path}" does not exist. Set GATEWAY_KEY or --key-file; deno task keys show NAME --no-qr prints a key`,
  );
}

/**
 * Makes a client.
 *
 * @throws {UsageError} if there is no key, or the version of the protocol is invalid
 */
export async function makeClient(
  sources: Sources,
  values: ClientValues,
  platform: Pick<Platform, "fetch" | "files">,
): Promise<GatewayClient> {
  const protocol = parseProtocol(values.protocol);
  const key = await findKey(sources, { ...values, files: platform.files });
  return new GatewayClient({
    url: gatewayUrl(sources, values),
    key,
    protocol,
    fetch: platform.fetch,
    parseJson: parseExact,
  });
}

/**
 * Reads the settings, and makes a client.
 *
 * @throws {UsageError} if there is no key, or an option is invalid
 */
export async function openClient(
  values: ClientValues,
  platform: Pick<Platform, "env" | "fetch" | "files">,
): Promise<GatewayClient> {
  return await makeClient(await readClientSources(platform, isComplete(values)), values, platform);
}

function parseProtocol(text: string): Version | "auto" {
  if (text === "1") return 1;
  if (text === "2") return 2;
  if (text === "auto") return text;
  throw new UsageError("--protocol must be 1, 2 or auto");
}

/** Prints the body of an answer: on standard output for a success, on standard error otherwise. Returns the exit code. */
export function printAnswer({ status, body }: Answer, platform: Platform): number {
  const text = typeof body === "string" ? body : formatValue(body);
  if (status === 200) {
    platform.print(text);
    return 0;
  }
  platform.printError(`${status} ${text}`);
  return EXIT_FAILURE;
}

/** Formats JSON with indentation, unless it is nested so deeply that this overflows the stack. */
function formatValue(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return JSON.stringify(value);
  }
}

/** Runs a client command and prints why it failed. Returns the exit code. */
export async function runClient(platform: Platform, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof ConfigError) return reportConfigError(error, { ...platform, next: "try again" });
    if (error instanceof UsageError) {
      platform.printError(error.message);
      return EXIT_USAGE;
    }
    const known = error instanceof KeyFileError || error instanceof GatewayError || error instanceof TypeError;
    if (!known) throw error;
    platform.printError(hint(error));
    return error instanceof KeyFileError ? EXIT_CONFIG : EXIT_FAILURE;
  }
}

function hint(error: Error): string {
  if (error instanceof WrongKeyError) {
    return "The gateway could not decrypt the request: it has another key, or this one was removed or disabled, or has " +
      "expired. A gateway without version 2 needs --protocol 1, a key for version 2 only --protocol 2";
  }
  const status = error instanceof GatewayError && error.status !== 0 ? `${error.status} ` : "";
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${status}${error.message}${cause}`;
}
