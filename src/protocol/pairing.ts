/**
 * Pairing URIs, which transfer a key to a device: `e2eg://pair?url=…&name=…#key=…`, mostly as a QR code.
 *
 * @module
 */
import { toHex } from "./bytes.ts";
import { parseKey } from "./secret_key.ts";

/** Address of a gateway and a key for it. */
export interface Pairing {
  /** Address of the gateway for the device, without a slash at its end. */
  readonly url: string;
  /** Name of the key. */
  readonly name: string;
  /** Key: 64 hexadecimal characters. */
  readonly key: string;
}

/** Longest name, in characters; the keys file has the same limit. */
const MAX_NAME_LENGTH = 64;

/**
 * Formats a pairing as a URI. The key is in the fragment, which browsers do not send to servers.
 *
 * @throws {TypeError} if a part is not valid; the message never quotes it
 *
 * @example
 * ```ts
 * import { formatPairingUri } from "@e2e-gateway/client";
 * import { assertEquals } from "@std/assert";
 *
 * const key = "0123456789abcdef".repeat(4);
 * const uri = formatPairingUri({ url: "https://home.example", name: "phone", key });
 * assertEquals(uri, `e2eg://pair?url=https%3A%2F%2Fhome.example&name=phone#key=${key}`);
 * ```
 */
export function formatPairingUri({ url, name, key }: Pairing): string {
  const parts = { url: checkedUrl(url), name: checkedName(name), key: checkedKey(key) };
  return `e2eg://pair?url=${encodeURIComponent(parts.url)}&name=${encodeURIComponent(parts.name)}#key=${parts.key}`;
}

/**
 * Parses a pairing URI. Accepts `url` and `name` in either order, and no other fields.
 *
 * @throws {TypeError} if the text is anything else; the message never quotes it
 *
 * @example
 * ```ts
 * import { parsePairingUri } from "@e2e-gateway/client";
 * import { assertEquals } from "@std/assert";
 *
 * const key = "0123456789abcdef".repeat(4);
 * const pairing = parsePairingUri(`e2eg://pair?url=https%3A%2F%2Fhome.example&name=phone#key=${key}`);
 * assertEquals(pairing, { url: "https://home.example", name: "phone", key });
 * ```
 */
export function parsePairingUri(text: string): Pairing {
  const match = /^e2eg:\/\/pair\?([^#]*)#key=([^#]*)$/.exec(text);
  if (match === null) throw new TypeError("Pairing code must look like e2eg://pair?url=…&name=…#key=…");
  const [, query = "", key = ""] = match;
  const values = new Map<string, string>();
  for (const field of query.split("&")) {
    const [, name, value] = /^(url|name)=(.*)$/s.exec(field) ?? [];
    if (name === undefined || value === undefined || values.has(name)) {
      throw new TypeError('Pairing code must have "url" and "name" once each, and nothing else');
    }
    values.set(name, decoded(value));
  }
  return { url: checkedUrl(values.get("url")), name: checkedName(values.get("name")), key: checkedKey(key) };
}

/** Percent-decodes a part of a link. @throws {TypeError} if it is not UTF-8 */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("Pairing code must be percent-encoded UTF-8");
  }
}

/**
 * Normalizes an address, so that a device recognizes the same gateway.
 *
 * @throws {TypeError} if it is not one of HTTP, or has more than host and path; the message never quotes it
 */
export function checkedUrl(text: string | undefined): string {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("Gateway's URL must be an address such as https://home.example");
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("Gateway's URL must not contain a user name or password");
  }
  // Even an empty query or fragment: devices append paths to the address.
  if (/[?#]/.test(url.href)) throw new TypeError("Gateway's URL must not contain a query or fragment");
  return url.href.replace(/\/+$/, "");
}

/** Returns whether a value can be the name of a key: 1 to 64 characters, and no control characters. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME_LENGTH && value.isWellFormed() &&
    !/\p{Cc}/u.test(value);
}

function checkedName(text: string | undefined): string {
  if (isName(text)) return text;
  throw new TypeError(`Key's name must have 1 to ${MAX_NAME_LENGTH} characters, and no control characters`);
}

function checkedKey(text: string): string {
  const key = parseKey(text);
  if (key === undefined) throw new TypeError("Key must be 64 hexadecimal characters");
  return toHex(key);
}
