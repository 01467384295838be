/**
 * AES-256-GCM, as both versions of the protocol use it (NIST SP 800-38D): nonces of 12 bytes, tags of 16.
 *
 * @module
 */
import { type Bytes, free } from "./bytes.ts";

/** Length of a key, in bytes. */
export const KEY_BYTES = 32;
/** Length of a nonce, in bytes (SP 800-38D, section 8.2). */
export const NONCE_BYTES = 12;
/** Length of the authentication tag at the end of the ciphertext, in bytes. */
export const TAG_BYTES = 16;

/** Plaintext whose tag verified. Only {@linkcode decrypt} returns one. */
export type OpenedText = string & { readonly brand: "opened" };

/** Text of ciphertext. Only the envelope modules return one, so plaintext cannot be sent by mistake. */
export type SealedText = string & { readonly brand: "sealed" };

/** The one error for every flaw of an envelope or event; it does not say which. */
export class EnvelopeError extends Error {
  /** Makes the error. */
  constructor() {
    super("Decryption failed");
    this.name = "EnvelopeError";
  }
}

/** Inputs of AES-GCM besides key and text. */
export interface AeadParameters {
  /** 12 bytes, never twice under one key. */
  readonly nonce: Bytes;
  /** Authenticated context that is not sent; empty by default. */
  readonly additionalData?: Bytes;
}

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Encrypts a text.
 *
 * @param plaintext the text, or its UTF-8 bytes
 * @returns the ciphertext followed by its tag
 */
export async function encrypt(
  key: CryptoKey,
  plaintext: string | Bytes,
  parameters: AeadParameters,
): Promise<Bytes> {
  const bytes = typeof plaintext === "string" ? utf8.encode(plaintext) : plaintext;
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm(parameters), key, bytes));
  if (bytes !== plaintext) free(bytes);
  return ciphertext;
}

/**
 * Verifies and decrypts a text that may have been sealed with another key.
 *
 * @param ciphertext the ciphertext followed by its tag
 * @returns the plaintext, or undefined if the tag does not verify, or the plaintext is not UTF-8
 */
export async function decrypt(
  key: CryptoKey,
  ciphertext: Bytes,
  parameters: AeadParameters,
): Promise<OpenedText | undefined> {
  try {
    const plaintext = new Uint8Array(await crypto.subtle.decrypt(algorithm(parameters), key, ciphertext));
    const text = strictUtf8.decode(plaintext) as OpenedText;
    free(plaintext);
    return text;
  } catch {
    return undefined;
  }
}

function algorithm({ nonce, additionalData }: AeadParameters): AesGcmParams {
  const parameters = { name: "AES-GCM", iv: nonce, tagLength: TAG_BYTES * 8 };
  return additionalData === undefined ? parameters : { ...parameters, additionalData };
}
