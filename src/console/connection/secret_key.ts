/**
 * Key of a home, for the client and for the browser's storage.
 *
 * @module
 */
import { parseKey, type SecretKey, secretKeyFrom } from "@e2e-gateway/client";
import type { Home } from "../homes/home.ts";

/** Returns the key of a home for the client. */
export function secretKeyOf({ key, kid }: Pick<Home, "key" | "kid">): SecretKey {
  return secretKeyFrom(key, kid);
}

/**
 * Imports a key so that it can be stored and used, and never read again.
 *
 * @param hex 64 hexadecimal characters
 * @throws {TypeError} if the text is no key
 */
export async function importUnreadableKey(hex: string): Promise<CryptoKey> {
  const secret = parseKey(hex);
  if (secret === undefined) throw new TypeError("Key must be 64 hexadecimal characters");
  try {
    return await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  } finally {
    secret.fill(0);
  }
}
