/**
 * Shared secret, its public id, and its keys for each version of the protocol.
 *
 * @module
 */
import type { Awaitable } from "../lib/awaitable.ts";
import { type Aead, type Decryptor, type Encryptor, KEY_BYTES, WebCryptoAead } from "./aead.ts";
import { type Bytes, fromHex, toHex } from "./bytes.ts";

/** Header with the id of the key in version 1, so that the gateway need not try all keys. */
export const KEY_ID_HEADER = "E2E-Key-Id";

/** Imported secret, whose bytes cannot be read. */
export interface SecretKey {
  /** Public id: 16 hexadecimal characters. */
  readonly kid: string;
  /** Seals and opens the envelopes of version 1; undefined for a key that was imported for version 2 only. */
  readonly aead?: Aead | undefined;
  /** Derives the key that seals one message or stream of version 2, with HKDF-SHA-256 (RFC 5869). */
  deriveEncryptor(derivation: Derivation): Awaitable<Encryptor>;
  /** Derives the key that opens one message or stream of version 2. */
  deriveDecryptor(derivation: Derivation): Awaitable<Decryptor>;
}

/** Imported secret for both versions of the protocol. */
export interface SecretKeyV1 extends SecretKey {
  /** Seals and opens the envelopes of version 1. */
  readonly aead: Aead;
}

/** Imports a secret of 32 bytes for both versions of the protocol. */
export type ImportSecretKey = (secret: Bytes) => Promise<SecretKeyV1>;

/** Inputs of HKDF besides the secret (RFC 5869, sections 3.1, 3.2). */
export interface Derivation {
  /** Random bytes that are not secret. */
  readonly salt: Bytes;
  /** Purpose of the derived key or id, in UTF-8. */
  readonly info: Bytes;
}

/** Use of a key: one side seals, the other one opens. */
export type KeyUse = "encrypt" | "decrypt";

const KEY_ID: Derivation = { salt: new Uint8Array(), info: new TextEncoder().encode("e2eg/2 kid") };
const KEY_ID_BITS = 64;

/**
 * Parses a key.
 *
 * @returns the key, 32 bytes, or undefined if the text is anything but 64 hexadecimal characters
 *
 * @example
 * ```ts
 * import { parseKey } from "@e2e-gateway/client";
 *
 * console.log(parseKey("0123456789abcdef".repeat(4))?.length, parseKey("a short text")); // 32 undefined
 * ```
 */
export function parseKey(hex: string): Bytes | undefined {
  return /^[0-9a-fA-F]{64}$/.test(hex) ? fromHex(hex) : undefined;
}

/**
 * Imports a secret for both versions of the protocol, with WebCrypto alone.
 *
 * @param secret the key, 32 bytes
 * @throws {RangeError} if it is of another length
 *
 * @example
 * ```ts
 * import { GatewayClient, importSecretKey, parseKey } from "@e2e-gateway/client";
 *
 * const secret = parseKey("0123456789abcdef".repeat(4));
 * if (secret === undefined) throw new Error("Not a key");
 * const gateway = new GatewayClient({ url: "https://home.example", key: await importSecretKey(secret) });
 * console.log((await gateway.callJeedom("ping")).status);
 * ```
 */
export async function importSecretKey(secret: Bytes): Promise<SecretKeyV1> {
  const [aead, hkdf] = await Promise.all([importKey(secret), importDerivationKey(secret)]);
  return { ...secretKeyFrom(hkdf, await keyId(hkdf)), aead };
}

/**
 * Makes a secret key for version 2 from a key of WebCrypto, such as one that a web page keeps in IndexedDB: script can use
 * it there, and cannot read its bytes.
 *
 * @param hkdf key for HKDF with the usage `deriveKey`
 * @param kid its public id
 *
 * @example
 * ```ts
 * import { GatewayClient, pair, parseKey, secretKeyFrom } from "@e2e-gateway/client";
 *
 * const { url, key, kid } = await pair("https://home.example/#pair=AAECAwQFBgcICQoLDA0ODw");
 * const secret = parseKey(key);
 * if (secret === undefined) throw new Error("Not a key");
 * const hkdf = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]); // to keep in IndexedDB
 * const gateway = new GatewayClient({ url, key: secretKeyFrom(hkdf, kid) });
 * console.log((await gateway.callJeedom("ping")).status);
 * ```
 */
export function secretKeyFrom(hkdf: CryptoKey, kid: string): SecretKey {
  const derive = async (derivation: Derivation, use: KeyUse) =>
    new WebCryptoAead(await crypto.subtle.deriveKey(hkdfParameters(derivation), hkdf, MESSAGE_KEY, false, [use]));
  return {
    kid,
    deriveEncryptor: (derivation) => derive(derivation, "encrypt"),
    deriveDecryptor: (derivation) => derive(derivation, "decrypt"),
  };
}

/**
 * Imports raw key bytes into WebCrypto, for envelopes of version 1.
 *
 * @param secret the key, 32 bytes
 * @param uses uses that it allows; both by default
 * @throws {RangeError} if the key is of another length
 */
export async function importKey(secret: Bytes, uses: readonly KeyUse[] = ["encrypt", "decrypt"]): Promise<Aead> {
  checkLength(secret);
  return new WebCryptoAead(await crypto.subtle.importKey("raw", secret, "AES-GCM", false, [...uses]));
}

/**
 * Derives the public id of a key, with HKDF-SHA-256 and an empty salt (RFC 5869).
 *
 * @param secret the key, 32 bytes
 * @returns 16 hexadecimal characters, lower case
 * @throws {RangeError} if the key is of another length
 */
export async function deriveKeyId(secret: Bytes): Promise<string> {
  return await keyId(await importDerivationKey(secret));
}

const MESSAGE_KEY = { name: "AES-GCM", length: KEY_BYTES * 8 };

async function importDerivationKey(secret: Bytes): Promise<CryptoKey> {
  checkLength(secret);
  return await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
}

async function keyId(hkdf: CryptoKey): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.deriveBits(hkdfParameters(KEY_ID), hkdf, KEY_ID_BITS)));
}

/** Returns the parameters of HKDF-SHA-256 for WebCrypto. */
export function hkdfParameters({ salt, info }: Derivation): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt, info };
}

function checkLength(secret: Bytes): void {
  if (secret.length !== KEY_BYTES) throw new RangeError(`Key must be ${KEY_BYTES} bytes: got ${secret.length}`);
}
