/** Requests as the bytes of HTTP/1.1, for clients that use a connection in ways that no HTTP library allows. */
import { randomBytes } from "../../src/protocol/bytes.ts";
import type { Route } from "../../src/protocol/v2/envelope.ts";
import { type Exchange, sealRequest, type Version } from "../../src/protocol/exchange.ts";
import type { SecretKey } from "../../src/protocol/secret_key.ts";

/** Request to seal, and its sender. */
export interface RawRequestOptions {
  readonly route: Route;
  /** Fields of the request, without its timestamp. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Address of the sender, for `X-Forwarded-For`. */
  readonly from: string;
  /** Protocol version; 2 by default. */
  readonly version?: Version;
  /** Age of the request, in seconds; 0 by default. */
  readonly age?: number;
}

/** Seals a request; returns its text, and the exchange that opens its answer. */
export async function sealRaw(
  key: SecretKey,
  { route, fields, version = 2, age = 0 }: Omit<RawRequestOptions, "from">,
): Promise<{ readonly text: string; readonly exchange: Exchange }> {
  const timestamp = Math.floor(Date.now() / 1000) - age;
  return await sealRequest(key, JSON.stringify({ ...fields, timestamp }), { version, route, random: randomBytes });
}

/** Returns a `POST` request of HTTP/1.1. */
export function postBytes(
  route: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = new TextEncoder().encode(body).length;
  return new TextEncoder().encode(
    `POST ${route} HTTP/1.1\r\nHost: g\r\n${lines}Content-Length: ${length}\r\n\r\n${body}`,
  );
}

/** Seals a request; returns its bytes, and the exchange that opens its answer. */
export async function rawRequest(key: SecretKey, options: RawRequestOptions) {
  const { text, exchange } = await sealRaw(key, options);
  return { bytes: postBytes(options.route, text, { "X-Forwarded-For": options.from }), exchange };
}
