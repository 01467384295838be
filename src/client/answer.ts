/**
 * An answer of a gateway, opened, and who made it.
 *
 * @module
 */
import { fromBase64 } from "../protocol/bytes.ts";
import { isObject } from "../lib/json.ts";
import { readBytes } from "../lib/read_bytes.ts";

/** What the gateway answered, opened. */
export interface Answer {
  /** The service's status, in the way of HTTP: 200 for a success. */
  readonly status: number;
  /** The service's answer. */
  readonly body: unknown;
  /** The gateway's clock, in whole seconds since 1970. */
  readonly timestamp: number;
}

/** An answer, and who made it: the gateway itself or a service behind it. An older gateway does not tell. */
export interface OpenedAnswer {
  /** What it says. */
  readonly answer: Answer;
  /** Who says so. */
  readonly maker: "gateway" | "service" | undefined;
}

/** Largest body to unpack, in bytes: as large as an answer may be that was not packed. */
const UNPACKED_MAX_BYTES = 64 * 2 ** 20;

/**
 * Reads an answer, opened, and unpacks its body where it came packed.
 *
 * @param json its plaintext
 * @returns the answer, or undefined for anything else, such as an event or a request that somebody sent back
 * @throws if it is no JSON, or a packed body cannot be unpacked
 */
export async function parseAnswer(json: string): Promise<OpenedAnswer | undefined> {
  const value: unknown = JSON.parse(json);
  if (!isObject(value) || typeof value["status"] !== "number" || typeof value["timestamp"] !== "number") {
    return undefined;
  }
  const { status, body, timestamp, body_gzip: packed, source, service } = value;
  const isPacked = body === undefined && typeof packed === "string";
  return {
    answer: { status, body: isPacked ? JSON.parse(await unpack(packed)) : body, timestamp },
    maker: source === "gateway" ? source : typeof service === "string" ? "service" : undefined,
  };
}

async function unpack(base64: string): Promise<string> {
  const packed = new Response(fromBase64(base64)).body;
  if (packed === null) throw new SyntaxError("Nothing is packed");
  const unpacked = new Response(packed.pipeThrough(new DecompressionStream("gzip")));
  return new TextDecoder().decode(await readBytes(unpacked, UNPACKED_MAX_BYTES));
}
