/**
 * Pairing links, which let a device make a key with the gateway: `https://host/#pair=CODE` opens the gateway's page,
 * `e2eg://pair?url=…#code=CODE` an app. The code works once; see `pairing_exchange.ts`.
 *
 * @module
 */
import { type Bytes, fromBase64Url } from "./bytes.ts";
import { checkedUrl, decoded } from "./pairing.ts";

/** Length of a pairing code, in bytes. */
export const PAIRING_CODE_BYTES = 16;

/** Address of a gateway and a code to pair with it. */
export interface PairingLink {
  /** Address of the gateway for the device, without a slash at its end. */
  readonly url: string;
  /** Pairing code: 22 characters of base64url. */
  readonly code: string;
}

/**
 * Parses a pairing code.
 *
 * @returns the code, 16 bytes, or undefined if the text is anything but their base64url without padding
 */
export function parsePairingCode(text: string): Bytes | undefined {
  try {
    const bytes = fromBase64Url(text);
    return bytes.length === PAIRING_CODE_BYTES ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Formats a link that opens the gateway's page. The code is in the fragment, which browsers do not send to servers.
 *
 * @throws {TypeError} if a part is not valid; the message never quotes it
 *
 * @example
 * ```ts
 * import { formatPairingLink } from "@e2e-gateway/client";
 * import { assertEquals } from "@std/assert";
 *
 * const link = formatPairingLink({ url: "https://home.example", code: "AAECAwQFBgcICQoLDA0ODw" });
 * assertEquals(link, "https://home.example/#pair=AAECAwQFBgcICQoLDA0ODw");
 * ```
 */
export function formatPairingLink({ url, code }: PairingLink): string {
  return `${checkedUrl(url)}/#pair=${checkedCode(code)}`;
}

/**
 * Formats a link that opens an app.
 *
 * @throws {TypeError} if a part is not valid; the message never quotes it
 *
 * @example
 * ```ts
 * import { formatPairingAppLink } from "@e2e-gateway/client";
 * import { assertEquals } from "@std/assert";
 *
 * const link = formatPairingAppLink({ url: "https://home.example", code: "AAECAwQFBgcICQoLDA0ODw" });
 * assertEquals(link, "e2eg://pair?url=https%3A%2F%2Fhome.example#code=AAECAwQFBgcICQoLDA0ODw");
 * ```
 */
export function formatPairingAppLink({ url, code }: PairingLink): string {
  return `e2eg://pair?url=${encodeURIComponent(checkedUrl(url))}#code=${checkedCode(code)}`;
}

/**
 * Parses a pairing link of either form.
 *
 * @throws {TypeError} if the text is anything else; the message never quotes it
 *
 * @example
 * ```ts
 * import { parsePairingLink } from "@e2e-gateway/client";
 * import { assertEquals } from "@std/assert";
 *
 * const link = parsePairingLink("https://home.example/#pair=AAECAwQFBgcICQoLDA0ODw");
 * assertEquals(link, { url: "https://home.example", code: "AAECAwQFBgcICQoLDA0ODw" });
 * ```
 */
export function parsePairingLink(text: string): PairingLink {
  const [, address, pageCode] = /^(https?:\/\/[^\s#]*)#pair=([^#]*)$/.exec(text) ?? [];
  if (address !== undefined) return { url: checkedUrl(address), code: checkedCode(pageCode) };
  const [, encoded, appCode] = /^e2eg:\/\/pair\?url=([^#&]*)#code=([^#]*)$/.exec(text) ?? [];
  if (encoded !== undefined) return { url: checkedUrl(decoded(encoded)), code: checkedCode(appCode) };
  throw new TypeError("Pairing link must look like https://home.example/#pair=… or e2eg://pair?url=…#code=…");
}

function checkedCode(text = ""): string {
  if (parsePairingCode(text) === undefined) {
    throw new TypeError("Pairing link must end with the 22 characters of its code: copy all of it");
  }
  return text;
}
