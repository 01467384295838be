/**
 * Keys of the gateway's own process, with `node:crypto`, which works at once where WebCrypto hands over to a thread. See
 * docs/adr/0023-a-second-cipher-for-the-gateway.md.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync } from "node:crypto";
import type { Awaitable } from "../lib/awaitable.ts";
import { type Aead, type AeadParameters, KEY_BYTES, TAG_BYTES } from "../protocol/aead.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type Derivation, deriveKeyId, importKey, type ImportSecretKey } from "../protocol/secret_key.ts";

/** Implementation of AES-256-GCM, as `AEAD` names it. */
export type AeadName = "webcrypto" | "native";

/** Longest text to encrypt or decrypt at once, in bytes: it takes 16 µs, and handing it to WebCrypto 13 to 45 µs. */
const MAX_SYNC_BYTES = 2048;

const ALGORITHM = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES };

/**
 * Returns the function that imports the gateway's secrets. It derives the keys of version 2 at once, and encrypts with the
 * given implementation.
 */
export function createImportSecretKey(aead: AeadName): ImportSecretKey {
  return async (secret) => {
    const kid = await deriveKeyId(secret);
    // Bytes would be imported anew each time.
    const hkdf = createSecretKey(secret);
    const derive = ({ salt, info }: Derivation) => new Uint8Array(hkdfSync("sha256", hkdf, salt, info, KEY_BYTES));
    if (aead === "native") {
      const deriveAead = (derivation: Derivation) => new NativeAead(derive(derivation));
      return { kid, aead: new NativeAead(secret), deriveEncryptor: deriveAead, deriveDecryptor: deriveAead };
    }
    return {
      kid,
      aead: await importKey(secret),
      deriveEncryptor: (derivation) => importKey(derive(derivation), ["encrypt"]),
      deriveDecryptor: (derivation) => importKey(derive(derivation), ["decrypt"]),
    };
  };
}

/** AES-256-GCM with `node:crypto`; with WebCrypto where that would block the thread for long. */
class NativeAead implements Aead {
  readonly #key: Bytes;

  constructor(key: Bytes) {
    this.#key = key;
  }

  encrypt(plaintext: Bytes, parameters: AeadParameters): Awaitable<Bytes> {
    if (plaintext.length > MAX_SYNC_BYTES) {
      return importKey(this.#key).then((key) => key.encrypt(plaintext, parameters));
    }
    const cipher = createCipheriv(ALGORITHM, this.#key, parameters.nonce, OPTIONS);
    if (parameters.additionalData !== undefined) cipher.setAAD(parameters.additionalData);
    const ciphertext = new Uint8Array(plaintext.length + TAG_BYTES);
    ciphertext.set(cipher.update(plaintext));
    cipher.final();
    ciphertext.set(cipher.getAuthTag(), plaintext.length);
    return ciphertext;
  }

  decrypt(ciphertext: Bytes, parameters: AeadParameters): Awaitable<Bytes> {
    const length = ciphertext.length - TAG_BYTES;
    if (length > MAX_SYNC_BYTES) return importKey(this.#key).then((key) => key.decrypt(ciphertext, parameters));
    const decipher = createDecipheriv(ALGORITHM, this.#key, parameters.nonce, OPTIONS);
    if (parameters.additionalData !== undefined) decipher.setAAD(parameters.additionalData);
    decipher.setAuthTag(ciphertext.subarray(length));
    const plaintext = new Uint8Array(decipher.update(ciphertext.subarray(0, length)));
    // Throws if the tag does not verify: no byte is used before.
    decipher.final();
    return plaintext;
  }
}
