/**
 * Content encoding `aes128gcm` of one record (RFC 8188).
 *
 * @module
 */
import { EnvelopeError } from "../aead.ts";
import { type Bytes, concat } from "../bytes.ts";
import { hkdfParameters } from "../secret_key.ts";

/** Inputs of an encrypted body besides the plaintext. */
export interface RecordInputs {
  /** Input keying material. */
  readonly ikm: Bytes;
  /** Salt, 16 bytes, never twice with one keying material. */
  readonly salt: Bytes;
  /** Id of the keying material, at most 255 bytes. */
  readonly keyId: Bytes;
  /** Zero bytes after the plaintext, which hide its length; none by default. */
  readonly padding?: number;
}

/** Size of records in the header, in bytes: the whole body is one record that is not longer. */
const RECORD_SIZE = 4096;
/** Least size of records (RFC 8188, section 2.1). */
const MIN_RECORD_SIZE = 18;
/** Length of a salt, in bytes. */
const SALT_BYTES = 16;
/** Length of the header before the id of the keying material, in bytes. */
const HEADER_BYTES = SALT_BYTES + 5;
/** Length of the tag of a record, in bytes. */
const TAG_BYTES = 16;
/** Byte between plaintext and padding of the last record. */
const LAST_RECORD = 2;

const utf8 = new TextEncoder();
const KEY_INFO: Bytes = utf8.encode("Content-Encoding: aes128gcm\0");
const NONCE_INFO: Bytes = utf8.encode("Content-Encoding: nonce\0");

/** Returns the longest plaintext of one record whose header has a key id of that length, in bytes. */
export function maxPlaintextBytes(keyIdBytes: number): number {
  return RECORD_SIZE - HEADER_BYTES - keyIdBytes - TAG_BYTES - 1;
}

/**
 * Encrypts a plaintext as a body of one record.
 *
 * @throws {RangeError} if plaintext and padding are too long, or the salt or the id has another length than it must
 */
export async function encryptRecord(
  plaintext: Bytes,
  { ikm, salt, keyId, padding = 0 }: RecordInputs,
): Promise<Bytes> {
  const max = maxPlaintextBytes(keyId.length);
  if (salt.length !== SALT_BYTES) throw new RangeError(`salt must be ${SALT_BYTES} bytes`);
  if (keyId.length > 255) throw new RangeError("keyId must be at most 255 bytes");
  if (plaintext.length + padding > max) throw new RangeError(`plaintext and padding must be at most ${max} bytes`);
  const header = new Uint8Array(HEADER_BYTES + keyId.length);
  header.set(salt);
  const view = new DataView(header.buffer);
  view.setUint32(SALT_BYTES, RECORD_SIZE);
  view.setUint8(SALT_BYTES + 4, keyId.length);
  header.set(keyId, HEADER_BYTES);
  const padded = new Uint8Array(plaintext.length + 1 + padding);
  padded.set(plaintext);
  padded[plaintext.length] = LAST_RECORD;
  const { key, iv } = await deriveKey(ikm, salt, "encrypt");
  return concat(header, new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, padded)));
}

/**
 * Decrypts a body of one record.
 *
 * @param findIkm returns the input keying material for the id in the header; undefined if there is none
 * @throws {EnvelopeError} if the body is anything else, or not of that keying material
 */
export async function decryptRecord(
  body: Bytes,
  findIkm: (keyId: Bytes) => Promise<Bytes | undefined>,
): Promise<Bytes> {
  try {
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const start = HEADER_BYTES + view.getUint8(SALT_BYTES + 4);
    const recordSize = view.getUint32(SALT_BYTES);
    // A longer body would be of several records, which are joined without limit.
    if (recordSize < MIN_RECORD_SIZE || body.length - start > recordSize) throw new EnvelopeError();
    const ikm = await findIkm(body.slice(HEADER_BYTES, start));
    if (ikm === undefined) throw new EnvelopeError();
    const { key, iv } = await deriveKey(ikm, body.slice(0, SALT_BYTES), "decrypt");
    const padded = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, body.subarray(start)));
    const end = padded.findLastIndex((byte) => byte !== 0);
    if (padded[end] !== LAST_RECORD) throw new EnvelopeError();
    return padded.slice(0, end);
  } catch {
    throw new EnvelopeError();
  }
}

/** Derives key and nonce of the first record (RFC 8188, sections 2.2 and 2.3). */
async function deriveKey(
  ikm: Bytes,
  salt: Bytes,
  use: "encrypt" | "decrypt",
): Promise<{ readonly key: CryptoKey; readonly iv: Bytes }> {
  const material = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits", "deriveKey"]);
  const aes = { name: "AES-GCM", length: 128 };
  const [key, nonce] = await Promise.all([
    crypto.subtle.deriveKey(hkdfParameters({ salt, info: KEY_INFO }), material, aes, false, [use]),
    crypto.subtle.deriveBits(hkdfParameters({ salt, info: NONCE_INFO }), material, 96),
  ]);
  return { key, iv: new Uint8Array(nonce) };
}
