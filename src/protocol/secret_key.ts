/**
 * A shared secret, its public name, and its forms for each version of the protocol.
 *
 * @module
 */
import { KEY_BYTES } from "./aead.ts";
import { type Bytes, fromHex, toHex } from "./bytes.ts";

/** The header by which a client of version 1 may name its key, so that the gateway need not try all of them. */
export const KEY_ID_HEADER = "E2E-Key-Id";

/** A secret, imported: it cannot be read back. */
export interface SecretKey {
  /** Its public id: 16 hexadecimal characters. */
  readonly kid: string;
  /** Seals and opens the envelopes of version 1. */
  readonly aead: CryptoKey;
  /** Derives the keys of version 2, one for each message or stream. */
  readonly hkdf: CryptoKey;
}

/** Tells what a derived key or id is for, and what it depends on besides the secret (RFC 5869, sections 3.1, 3.2). */
export interface Derivation {
  /** Random bytes that are not secret. */
  readonly salt: Bytes;
  /** The purpose, in UTF-8. */
  readonly info: Bytes;
}

/** What a key is for: one side seals, the other one opens. */
export type KeyUse = "encrypt" | "decrypt";

const KEY_ID: Derivation = { salt: new Uint8Array(), info: new TextEncoder().encode("e2eg/2 kid") };
const KEY_ID_BITS = 64;

/**
 * Reads a key from its text.
 *
 * @returns the key, 32 bytes, or undefined if the text is anything but 64 hexadecimal characters
 */
export function parseKey(hex: string): Bytes | undefined {
  return /^[0-9a-fA-F]{64}$/.test(hex) ? fromHex(hex) : undefined;
}

/**
 * Imports a secret for all that it is needed for.
 *
 * @param secret the key, 32 bytes
 * @throws {RangeError} if it is of another length
 */
export async function importSecretKey(secret: Bytes): Promise<SecretKey> {
  const [aead, hkdf] = await Promise.all([importKey(secret), importDerivationKey(secret)]);
  return { kid: await keyId(hkdf), aead, hkdf };
}

/**
 * Imports raw key bytes for sealing and opening envelopes of version 1.
 *
 * @param secret the key, 32 bytes
 * @throws {RangeError} if the key is of another length
 */
export async function importKey(secret: Bytes): Promise<CryptoKey> {
  checkLength(secret);
  return await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
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

/** Derives the key of one message or stream, with HKDF-SHA-256 (RFC 5869). */
export function deriveMessageKey(
  { hkdf }: SecretKey,
  { usage, ...derivation }: Derivation & { readonly usage: KeyUse },
): Promise<CryptoKey> {
  return crypto.subtle.deriveKey(hkdfParameters(derivation), hkdf, MESSAGE_KEY, false, [usage]);
}

const MESSAGE_KEY = { name: "AES-GCM", length: KEY_BYTES * 8 };

async function importDerivationKey(secret: Bytes): Promise<CryptoKey> {
  checkLength(secret);
  return await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
}

async function keyId(hkdf: CryptoKey): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.deriveBits(hkdfParameters(KEY_ID), hkdf, KEY_ID_BITS)));
}

function hkdfParameters({ salt, info }: Derivation): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt, info };
}

function checkLength(secret: Bytes): void {
  if (secret.length !== KEY_BYTES) throw new RangeError(`Key must be ${KEY_BYTES} bytes: got ${secret.length}`);
}
