/**
 * AES-256-GCM, as both versions of the protocol use it (NIST SP 800-38D): nonces of 12 bytes, tags of 16. The cipher
 * itself is a port, implemented here with WebCrypto.
 *
 * @module
 */
import { andThen, type Awaitable } from "../lib/awaitable.ts";
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

/** AES-256-GCM under one key, to encrypt. For {@linkcode encrypt}, which checks the lengths. */
export interface Encryptor {
  /** Returns the ciphertext followed by its tag. */
  encrypt(plaintext: Bytes, parameters: AeadParameters): Awaitable<Bytes>;
}

/** AES-256-GCM under one key, to decrypt. For {@linkcode decrypt}, which checks the lengths and hides the reason of a failure. */
export interface Decryptor {
  /** Returns the plaintext of a ciphertext that is followed by its tag; throws any error if the tag does not verify. */
  decrypt(ciphertext: Bytes, parameters: AeadParameters): Awaitable<Bytes>;
}

/** AES-256-GCM under one key, in both directions: the key of version 1. */
export interface Aead extends Encryptor, Decryptor {}

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Encrypts a text.
 *
 * @param plaintext the text, or its UTF-8 bytes
 * @returns the ciphertext followed by its tag
 * @throws {RangeError} at once, if the nonce is not of 12 bytes
 */
export function encrypt(key: Encryptor, plaintext: string | Bytes, parameters: AeadParameters): Awaitable<Bytes> {
  // Implementations accept other lengths.
  if (parameters.nonce.length !== NONCE_BYTES) throw new RangeError(`Nonce must be ${NONCE_BYTES} bytes`);
  if (typeof plaintext !== "string") return key.encrypt(plaintext, parameters);
  const bytes = utf8.encode(plaintext);
  return andThen(key.encrypt(bytes, parameters), (ciphertext) => {
    free(bytes);
    return ciphertext;
  });
}

/**
 * Verifies and decrypts a text that may have been sealed with another key.
 *
 * @param ciphertext the ciphertext followed by its tag
 * @returns the plaintext, or undefined if the tag does not verify, or the plaintext is not UTF-8
 */
export function decrypt(
  key: Decryptor,
  ciphertext: Bytes,
  parameters: AeadParameters,
): Awaitable<OpenedText | undefined> {
  if (parameters.nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) return undefined;
  try {
    const plaintext = key.decrypt(ciphertext, parameters);
    return plaintext instanceof Promise ? plaintext.then(toText).catch(refuse) : toText(plaintext);
  } catch {
    return undefined;
  }
}

/** Returns a plaintext as text; throws if it is not UTF-8. */
function toText(plaintext: Bytes): OpenedText {
  const text = strictUtf8.decode(plaintext) as OpenedText;
  free(plaintext);
  return text;
}

function refuse(): undefined {}

/** AES-256-GCM with WebCrypto, which works in threads of its own. */
export class WebCryptoAead implements Aead {
  readonly #key: CryptoKey;

  /** Uses an imported key of AES-GCM. */
  constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Encrypts, as {@linkcode Encryptor.encrypt} says. */
  async encrypt(plaintext: Bytes, parameters: AeadParameters): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.encrypt(algorithm(parameters), this.#key, plaintext));
  }

  /** Decrypts, as {@linkcode Decryptor.decrypt} says. */
  async decrypt(ciphertext: Bytes, parameters: AeadParameters): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm(parameters), this.#key, ciphertext));
  }
}

function algorithm({ nonce, additionalData }: AeadParameters): AesGcmParams {
  const parameters = { name: "AES-GCM", iv: nonce, tagLength: TAG_BYTES * 8 };
  return additionalData === undefined ? parameters : { ...parameters, additionalData };
}
