/**
 * The command `publish`: publishes an MQTT message through the gateway.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { readBytes, TooLargeError } from "../lib/read_bytes.ts";
import { type CommandLine, formatUsage, type Option, readArgs, UsageError, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, openClient, printAnswer, runClient } from "./client.ts";
import type { Platform } from "../platform.ts";

/** The option `--qos`. */
export const QOS_OPTION = {
  type: "string",
  value: "0|1|2",
  default: "0",
  description: "Quality of service",
} as const satisfies Option;

/** Command line of `publish`. */
export const PUBLISH_LINE = {
  synopsis: "deno task publish TOPIC MESSAGE|--file PATH",
  summary: "Publish an MQTT message through the gateway",
  options: {
    qos: QOS_OPTION,
    retain: { type: "boolean", default: false, description: "Let the broker keep it for later subscribers" },
    file: { type: "string", value: "PATH", description: "Publish the bytes of a file instead of MESSAGE" },
    ...CLIENT_OPTIONS,
  },
  notes: "A topic or message that begins with two dashes comes after the options and --.",
} as const satisfies CommandLine;

/** Largest file to read, in bytes: the largest value of MAX_BODY_BYTES, the limit of the gateway. */
const MAX_FILE_BYTES = 2 ** 28;

/** Publishes a message and prints the gateway's answer. */
export function publish(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals } = readArgs(platform.args.map(shield), PUBLISH_LINE);
    const [topic, message, ...more] = positionals.map(unshield);
    const { file, retain } = values;
    if (topic === undefined || (message === undefined) === (file === undefined) || more.length > 0) {
      throw new UsageError(formatUsage(PUBLISH_LINE));
    }
    const qos = parseQos(values.qos, PUBLISH_LINE);
    const client = await openClient(values, platform);
    const payload = file === undefined ? message ?? null : await readPayload(file, platform);
    return printAnswer(await client.publish(topic, payload, { qos, retain }), platform);
  });
}

/**
 * Marks an argument that begins with one dash, such as -5, as positional: all options begin with two. No argument of a
 * program can contain the mark itself.
 */
function shield(word: string): string {
  return /^-[^-]/.test(word) ? `\0${word}` : word;
}

function unshield(word: string): string {
  return word.startsWith("\0") ? word.slice(1) : word;
}

async function readPayload(path: string, { files }: Platform): Promise<Uint8Array> {
  const name = unshield(path);
  try {
    // Its stream closes the file. The limit also applies to a pipe, which has no size.
    const { readable } = await files.open(name, { read: true });
    return await readBytes(new Response(readable), MAX_FILE_BYTES);
  } catch (error) {
    const reason = error instanceof TooLargeError
      ? `must not be larger than ${MAX_FILE_BYTES} bytes`
      : `cannot be read: ${errorText(error)}`;
    throw new UsageError(`--file "${name}" ${reason}`);
  }
}

/**
 * Parses a quality of service.
 *
 * @throws {UsageError} if it is not 0, 1 or 2
 */
export function parseQos(text: string, line: CommandLine): 0 | 1 | 2 {
  if (text === "0") return 0;
  if (text === "1") return 1;
  if (text === "2") return 2;
  throw wrongUsage("--qos must be 0, 1 or 2", line);
}
