/**
 * What the client commands share: which gateway, under which key, and how failures are told.
 *
 * @module
 */
import { type Answer, GatewayClient, GatewayError, type Version, WrongKeyError } from "../client/gateway_client.ts";
import { ConfigError, parseConfig } from "../config.ts";
import { toHex } from "../protocol/bytes.ts";
import { KeyFileError, readKey } from "../security/key_file.ts";
import { localUrl } from "./local_url.ts";
import { EXIT_FAILURE, EXIT_USAGE, type Platform } from "./platform.ts";
import { readSources, type Sources } from "./settings.ts";

/** The options that every client command takes, for `parseArgs` of `node:util`. */
export const CLIENT_OPTIONS = {
  url: { type: "string" },
  "key-file": { type: "string" },
  protocol: { type: "string" },
} as const;

/** The values of these options. */
export interface ClientValues {
  /** Address of the gateway. */
  readonly url?: string | undefined;
  /** File that holds the key. */
  readonly "key-file"?: string | undefined;
  /** Version of the protocol: 1, 2 or auto; 2 by default. */
  readonly protocol?: string | undefined;
}

/** The command line is wrong. The message shows how it goes. */
export class UsageError extends Error {}

/**
 * Reads the settings, and the variables that are for the client commands alone; none where the command line says all, so
 * that a wrong `.env` does not matter.
 */
export async function readClientSources(platform: Platform, values: ClientValues = {}): Promise<Sources> {
  if (values.url && values["key-file"]) return { environment: {}, file: {} };
  return await readSources(platform, ["GATEWAY_KEY", "GATEWAY_URL"]);
}

/** Tells the address of the gateway: `--url`, `GATEWAY_URL`, or this machine at the configured port. */
export function gatewayUrl({ environment, file }: Sources, values: Pick<ClientValues, "url">): string {
  const given = values.url || environment["GATEWAY_URL"] || file["GATEWAY_URL"];
  return given || localUrl(parseConfig(environment, file));
}

/**
 * Finds the key: `--key-file`, `GATEWAY_KEY`, or the configured file.
 *
 * @returns its text; the one of `GATEWAY_KEY` may be no key
 * @throws {UsageError} if there is none
 * @throws {KeyFileError} if the file does not hold one
 */
export async function findKey(
  { environment, file }: Sources,
  { files, "key-file": keyFile }: Pick<Platform, "files"> & Pick<ClientValues, "key-file">,
): Promise<string> {
  const given = keyFile ? undefined : environment["GATEWAY_KEY"] || file["GATEWAY_KEY"];
  if (given) return given;
  const path = keyFile || parseConfig(environment, file).SECRET_KEY_FILE;
  const key = await readKey(path, files);
  if (key !== undefined) return toHex(key);
  throw new UsageError(
    `No key: "${path}" does not exist. Set GATEWAY_KEY or --key-file; deno task keys show NAME --no-qr tells a key`,
  );
}

/**
 * Makes a client for that address, with that key.
 *
 * @throws {UsageError} if there is no key, or no such version of the protocol
 */
export async function makeClient(platform: Platform, values: ClientValues): Promise<GatewayClient> {
  const protocol = parseProtocol(values.protocol ?? "2");
  const sources = await readClientSources(platform, values);
  const key = await findKey(sources, { ...values, files: platform.files });
  return new GatewayClient({ url: gatewayUrl(sources, values), key, protocol, fetch: platform.fetch });
}

function parseProtocol(text: string): Version | "auto" {
  if (text === "1") return 1;
  if (text === "2") return 2;
  if (text === "auto") return text;
  throw new UsageError("--protocol must be 1, 2 or auto");
}

/** Prints an answer's body: on standard output for a success, as a fault otherwise. */
export function printAnswer({ status, body }: Answer, platform: Platform): number {
  const text = typeof body === "string" ? body : writeJson(body);
  if (status === 200) {
    platform.print(text);
    return 0;
  }
  platform.printError(`${status} ${text}`);
  return EXIT_FAILURE;
}

/** Writes JSON for people, unless it is nested so deeply that indenting it overflows the stack. */
function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return JSON.stringify(value);
  }
}

/** Runs a client command and tells how it failed. */
export async function runClient(platform: Platform, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof UsageError || isParseArgsError(error)) {
      platform.printError(error.message);
      return EXIT_USAGE;
    }
    const known = error instanceof GatewayError || error instanceof KeyFileError || error instanceof ConfigError ||
      error instanceof TypeError;
    if (!known) throw error;
    platform.printError(hint(error));
    return EXIT_FAILURE;
  }
}

/** Tells an error of `parseArgs`, whose message is for the person at the console. */
export function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}

function hint(error: Error): string {
  if (error instanceof WrongKeyError) {
    return "The gateway could not decrypt the request: its key is another one, or this one was removed, disabled or is " +
      "over. A gateway from before version 2 needs --protocol 1, a key for version 2 alone --protocol 2";
  }
  const status = error instanceof GatewayError && error.status !== 0 ? `${error.status} ` : "";
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${status}${error.message}${cause}`;
}
