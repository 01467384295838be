/**
 * Version 1 envelopes: `base64( nonce[12] ‖ AES-256-GCM ciphertext ‖ tag[16] )`, no additional data.
 * See docs/protocol.md.
 *
 * @module
 */
import {
  type Aead,
  decrypt,
  encrypt,
  EnvelopeError,
  NONCE_BYTES,
  type OpenedText,
  type SealedText,
  TAG_BYTES,
} from "../aead.ts";
import type { Awaitable } from "../../lib/awaitable.ts";
import { type Bytes, free, fromBase64, type RandomBytes, toBase64 } from "../bytes.ts";

/** Envelope as received: well-formed, not yet authenticated. */
export interface Envelope {
  /** Version of the protocol. */
  readonly version: 1;
  /** 12 bytes. */
  readonly nonce: Bytes;
  /** The ciphertext followed by its 16-byte tag. */
  readonly ciphertext: Bytes;
}

/** Returns the length of the envelope of a plaintext of that many bytes, in characters. */
export function sealedLength(plaintextBytes: number): number {
  return 4 * Math.ceil((NONCE_BYTES + plaintextBytes + TAG_BYTES) / 3);
}

/**
 * Parses the base64 text of an envelope. ASCII white space is skipped, because Android's default encoder breaks lines.
 *
 * @throws {EnvelopeError} if the text is not base64 or too short to hold a nonce and a tag
 */
export function parseEnvelope(text: string): Envelope {
  let bytes: Bytes;
  try {
    bytes = fromBase64(text);
  } catch {
    throw new EnvelopeError();
  }
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new EnvelopeError();
  return { version: 1, nonce: bytes.subarray(0, NONCE_BYTES), ciphertext: bytes.subarray(NONCE_BYTES) };
}

/**
 * Verifies and decrypts an envelope.
 *
 * @throws {EnvelopeError} if the tag does not verify under this key, or the plaintext is not UTF-8
 */
export async function openEnvelope(key: Aead, envelope: Envelope): Promise<OpenedText> {
  const text = await tryEnvelope(key, envelope);
  if (text === undefined) throw new EnvelopeError();
  return text;
}

/**
 * Verifies and decrypts an envelope that may have been sealed with another key.
 *
 * @returns the plaintext, or undefined if the tag does not verify under this key, or the plaintext is not UTF-8
 */
export function tryEnvelope(key: Aead, envelope: Envelope): Awaitable<OpenedText | undefined> {
  return decrypt(key, envelope.ciphertext, envelope);
}

/**
 * Encrypts a text under a new random nonce.
 *
 * @param plaintext the text, or its UTF-8 bytes
 * @param random source of the nonce
 */
export async function sealEnvelope(
  key: Aead,
  plaintext: string | Bytes,
  random: RandomBytes,
): Promise<SealedText> {
  const nonce = random(NONCE_BYTES);
  const ciphertext = await encrypt(key, plaintext, { nonce });
  // 12 bytes are exactly 16 base64 characters: the two texts join without copying the ciphertext.
  const text = (toBase64(nonce) + toBase64(ciphertext)) as SealedText;
  free(ciphertext);
  return text;
}
