/**
 * Answers of a gateway, opened.
 *
 * @module
 */
import { fromBase64 } from "../protocol/bytes.ts";
import { isObject } from "../lib/json.ts";
import { readBytes } from "../lib/read_bytes.ts";

/** Opened answer. */
export interface Answer {
  /** Status of the service, as in HTTP: 200 for a success. */
  readonly status: number;
  /** Answer of the service. */
  readonly body: unknown;
  /** Time of the gateway, in whole seconds since 1970. */
  readonly timestamp: number;
  /** Further members of the answer, such as the `headers` of an HTTP answer. */
  readonly members: Readonly<Record<string, unknown>>;
}

/** Answer and its source: the gateway itself or a service behind it. */
export interface OpenedAnswer {
  /** The answer. */
  readonly answer: Answer;
  /** Source of the answer; undefined from an older gateway, which does not name it. */
  readonly source: "gateway" | "service" | undefined;
}

/** Largest body after decompression, in bytes: the same limit as for an answer that was not compressed. */
const DECOMPRESSED_MAX_BYTES = 64 * 2 ** 20;

/**
 * Parses an opened answer, and decompresses its body where it came compressed.
 *
 * @param json plaintext of the answer
 * @param parse parses JSON
 * @returns the answer, or undefined for anything else, such as an event or a request that an attacker sent back
 * @throws if it is not JSON, or a compressed body cannot be decompressed
 */
export async function parseAnswer(
  json: string,
  parse: (text: string) => unknown,
): Promise<OpenedAnswer | undefined> {
  const value = parse(json);
  if (!isObject(value) || typeof value["status"] !== "number" || typeof value["timestamp"] !== "number") {
    return undefined;
  }
  const { status, body, timestamp, body_gzip: compressed, source, service, ...members } = value;
  const isCompressed = body === undefined && typeof compressed === "string";
  return {
    answer: { status, body: isCompressed ? parse(await decompress(compressed)) : body, timestamp, members },
    source: source === "gateway" ? source : typeof service === "string" ? "service" : undefined,
  };
}

async function decompress(base64: string): Promise<string> {
  const { body } = new Response(fromBase64(base64));
  if (body === null) throw new SyntaxError("Compressed body is empty");
  const decompressed = new Response(body.pipeThrough(new DecompressionStream("gzip")));
  return new TextDecoder().decode(await readBytes(decompressed, DECOMPRESSED_MAX_BYTES));
}
