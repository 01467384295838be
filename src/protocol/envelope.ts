/**
 * Version 1 envelopes: `base64( nonce[12] ‖ AES-256-GCM ciphertext ‖ tag[16] )`, no additional data.
 * See docs/protocol.md; AES-GCM itself is NIST SP 800-38D.
 *
 * @module
 */

/** Bytes in memory of their own, the form that WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Fills a fresh array of the given length with cryptographically strong random bytes. */
export type RandomBytes = (length: number) => Bytes;

/** Length of a key, in bytes. */
export const KEY_BYTES = 32;
/** Length of a nonce, in bytes (SP 800-38D, section 8.2.2: 96 random bits). */
export const NONCE_BYTES = 12;
/** Length of the authentication tag at the end of the ciphertext, in bytes. */
export const TAG_BYTES = 16;

/** Base64 text of an envelope. Only {@linkcode sealEnvelope} makes one, so plaintext cannot be sent by mistake. */
export type SealedText = string & { readonly brand: "sealed" };

/** Plaintext whose tag verified. Only this module makes one. */
export type OpenedText = string & { readonly brand: "opened" };

/** The parts of an envelope as received: well-formed, and proof of nothing yet. */
export interface Envelope {
  /** 12 bytes. */
  readonly nonce: Bytes;
  /** The ciphertext followed by its 16-byte tag. */
  readonly ciphertext: Bytes;
}

/** Length of the envelope of a plaintext of some bytes, in characters. */
export function sealedLength(plaintextBytes: number): number {
  return 4 * Math.ceil((NONCE_BYTES + plaintextBytes + TAG_BYTES) / 3);
}

/** Random bytes from WebCrypto. */
export function randomBytes(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** The one error for everything that can be wrong with an envelope; it never says what was. */
export class EnvelopeError extends Error {
  /** Makes the error; there is nothing to tell apart. */
  constructor() {
    super("Decryption failed");
    this.name = "EnvelopeError";
  }
}

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a key from its text.
 *
 * @returns the key, 32 bytes, or undefined if the text is anything but 64 hexadecimal characters
 */
export function parseKey(hex: string): Bytes | undefined {
  return /^[0-9a-fA-F]{64}$/.test(hex) ? Uint8Array.fromHex(hex) : undefined;
}

/**
 * Imports raw key bytes for sealing and opening. The result cannot be exported again.
 *
 * @param secret the key, 32 bytes
 * @throws {RangeError} if the key is of another length
 */
export async function importKey(secret: Bytes): Promise<CryptoKey> {
  if (secret.length !== KEY_BYTES) {
    throw new RangeError(`Key must be ${KEY_BYTES} bytes: got ${secret.length}`);
  }
  return await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/**
 * Splits the base64 text of an envelope into its parts. ASCII white space is skipped, because Android's
 * default encoder breaks lines; padding must be complete and unused bits zero (RFC 4648, section 3.5).
 *
 * @throws {EnvelopeError} if the text is not base64 or too short to hold a nonce and a tag
 */
export function parseEnvelope(text: string): Envelope {
  let bytes: Bytes;
  try {
    bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    throw new EnvelopeError();
  }
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new EnvelopeError();
  return { nonce: bytes.subarray(0, NONCE_BYTES), ciphertext: bytes.subarray(NONCE_BYTES) };
}

/**
 * Verifies and decrypts an envelope.
 *
 * @throws {EnvelopeError} if the tag does not verify under this key, or the plaintext is not UTF-8
 */
export async function openEnvelope(key: CryptoKey, envelope: Envelope): Promise<OpenedText> {
  const text = await tryEnvelope(key, envelope);
  if (text === undefined) throw new EnvelopeError();
  return text;
}

/**
 * Verifies and decrypts an envelope that may have been sealed with another key.
 *
 * @returns the plaintext, or undefined if the tag does not verify under this key, or the plaintext is not UTF-8
 */
export async function tryEnvelope(key: CryptoKey, envelope: Envelope): Promise<OpenedText | undefined> {
  try {
    const plaintext = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: envelope.nonce, tagLength: TAG_BYTES * 8 },
      key,
      envelope.ciphertext,
    );
    return strictUtf8.decode(plaintext) as OpenedText;
  } catch {
    return undefined;
  }
}

/**
 * Encrypts a text under a fresh random nonce.
 *
 * @param plaintext the text, or its UTF-8 bytes
 * @param random where the nonce comes from
 */
export async function sealEnvelope(
  key: CryptoKey,
  plaintext: string | Bytes,
  random: RandomBytes,
): Promise<SealedText> {
  const nonce = random(NONCE_BYTES);
  const ciphertext = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce, tagLength: TAG_BYTES * 8 },
    key,
    typeof plaintext === "string" ? utf8.encode(plaintext) : plaintext,
  );
  // 12 bytes are exactly 16 base64 characters: the two texts join without copying the ciphertext.
  return (nonce.toBase64() + new Uint8Array(ciphertext).toBase64()) as SealedText;
}
