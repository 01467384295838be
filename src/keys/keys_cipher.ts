/**
 * Encryption of what replicas alone may read, where others may read it, too: AES-256-GCM under a key that HKDF-SHA-256
 * (RFC 5869) derives from the master key.
 *
 * @module
 */
import { hkdfSync } from "node:crypto";
import { type Aead, KEY_BYTES, NONCE_BYTES } from "../protocol/aead.ts";
import { type Bytes, concat, type RandomBytes } from "../protocol/bytes.ts";
import { importKey } from "../protocol/secret_key.ts";

/** Encrypted records with their version. */
export interface SealedKeys {
  /** Number of this state of the records: a later one has a higher number. It is authenticated. */
  readonly version: number;
  /** Nonce and ciphertext, in Base64. */
  readonly sealed: string;
}

/** Purpose of the key that encrypts the keys' records. */
const RECORDS = "e2e-gateway keys in Redis, AES-256-GCM";

/** Purpose of the key that encrypts the VAPID key. */
export const VAPID_PURPOSE = "e2e-gateway VAPID key in Redis, AES-256-GCM";

/** Cipher of the keys' records, or of something else with a purpose of its own. */
export class KeysCipher {
  readonly #aead: Promise<Aead>;
  readonly #random: RandomBytes;

  /**
   * Makes the cipher.
   *
   * @param masterKey 32 bytes
   * @param random source of nonces
   * @param purpose what is encrypted: what is encrypted for one purpose cannot be decrypted for another
   */
  constructor(masterKey: Bytes, random: RandomBytes, purpose: string = RECORDS) {
    const info = new TextEncoder().encode(purpose);
    this.#aead = importKey(new Uint8Array(hkdfSync("sha256", masterKey, new Uint8Array(), info, KEY_BYTES)));
    this.#random = random;
  }

  /** Encrypts records, under a nonce of their own. */
  async seal(text: string, version: number): Promise<SealedKeys> {
    const nonce = this.#random(NONCE_BYTES);
    const parameters = { nonce, additionalData: describeVersion(version) };
    const ciphertext = await (await this.#aead).encrypt(new TextEncoder().encode(text), parameters);
    return { version, sealed: concat(nonce, ciphertext).toBase64() };
  }

  /**
   * Decrypts records.
   *
   * @returns undefined if they are not encrypted under this master key, were altered, or have another version
   */
  async open({ version, sealed }: SealedKeys): Promise<string | undefined> {
    try {
      const bytes = Uint8Array.fromBase64(sealed);
      const parameters = { nonce: bytes.slice(0, NONCE_BYTES), additionalData: describeVersion(version) };
      const plaintext = await (await this.#aead).decrypt(bytes.slice(NONCE_BYTES), parameters);
      return new TextDecoder("utf-8", { fatal: true }).decode(plaintext);
    } catch {
      // The cause says nothing that helps, and might be an oracle.
      return undefined;
    }
  }
}

function describeVersion(version: number): Bytes {
  return new TextEncoder().encode(`e2e-gateway keys version ${version}`);
}

/** Returns a version as a number; undefined for a text that is none. */
export function parseVersion(text: string): number | undefined {
  const version = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(version) ? version : undefined;
}
