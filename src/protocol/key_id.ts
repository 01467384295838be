/**
 * The public name of a key: tells keys apart without telling anything of their secrets.
 *
 * @module
 */
import { type Bytes, KEY_BYTES } from "./envelope.ts";

/** The header by which a client may name its key, so that the gateway need not try all of them. */
export const KEY_ID_HEADER = "E2E-Key-Id";

const INFO = new TextEncoder().encode("e2eg/2 kid");
const KEY_ID_BITS = 64;

/**
 * Derives the id of a key, with HKDF-SHA-256 and an empty salt (RFC 5869).
 *
 * @param secret the key, 32 bytes
 * @returns 16 hexadecimal characters, lower case
 * @throws {RangeError} if the key is of another length
 */
export async function deriveKeyId(secret: Bytes): Promise<string> {
  if (secret.length !== KEY_BYTES) throw new RangeError(`Key must be ${KEY_BYTES} bytes: got ${secret.length}`);
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: INFO };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, KEY_ID_BITS)).toHex();
}
