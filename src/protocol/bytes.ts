/**
 * Bytes, and their encodings as text. Uses `Uint8Array.fromBase64` where the platform has it, and a fallback elsewhere:
 * Node below 25, browsers before 2025.
 *
 * @module
 */

/** Bytes in memory of their own, as WebCrypto requires. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Returns a new array of that length of cryptographically strong random bytes. */
export type RandomBytes = (length: number) => Bytes;

/** Returns random bytes from WebCrypto. */
export function randomBytes(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Joins two arrays into one in memory of its own. */
export function concat(first: Uint8Array, second: Uint8Array): Bytes {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** Smallest array to free, in bytes. */
const FREE_MIN_BYTES = 64 * 1024;

/**
 * Frees the memory of a large array at once, where the platform can (ECMA-262, `ArrayBuffer.prototype.transfer`): the
 * garbage collector frees it late. The array, and all that share its buffer, must not be used again.
 */
export function free({ buffer, byteLength }: Bytes): void {
  if (byteLength > FREE_MIN_BYTES && "transfer" in ArrayBuffer.prototype) buffer.transfer(0);
}

/** True on newer platforms, which have hexadecimal, too; type declarations assume it. */
const hasBase64 = "fromBase64" in Uint8Array;

/** Most bytes to pass to `String.fromCharCode` at once: more arguments overflow the stack. */
const CHUNK_BYTES = 8192;

/** Encodes bytes in standard base64, with padding (RFC 4648, section 4). */
export function toBase64(bytes: Bytes): string {
  if (hasBase64) return bytes.toBase64();
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK_BYTES));
  }
  return btoa(binary);
}

/**
 * Decodes standard base64. ASCII white space is skipped; padding must be complete and unused bits zero (RFC 4648,
 * section 3.5).
 *
 * @throws {SyntaxError} if the text is anything else
 */
export function fromBase64(text: string): Bytes {
  if (hasBase64) return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  const dense = text.replace(/[\t\n\f\r ]+/g, "");
  const bytes = decodeBase64(dense);
  if (toBase64(bytes) !== dense) throw new SyntaxError("Not base64");
  return bytes;
}

/** Encodes bytes in base64url, without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Bytes): string {
  if (hasBase64) return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * Decodes base64url without padding. Each sequence of bytes has one encoding: no white space, and unused bits are zero.
 *
 * @throws {SyntaxError} if the text is anything else
 */
export function fromBase64Url(text: string): Bytes {
  const padded = text + "=".repeat(-text.length & 3);
  const bytes = hasBase64
    ? Uint8Array.fromBase64(padded, { alphabet: "base64url", lastChunkHandling: "strict" })
    : decodeBase64(padded.replaceAll("-", "+").replaceAll("_", "/"));
  const isExact = hasBase64 ? text.length === Math.ceil(bytes.length * 4 / 3) : toBase64Url(bytes) === text;
  if (!isExact) throw new SyntaxError("Not base64url");
  return bytes;
}

/** Encodes bytes as hexadecimal characters, lower case. */
export function toHex(bytes: Uint8Array): string {
  if (hasBase64) return bytes.toHex();
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Decodes hexadecimal characters, in either case.
 *
 * @throws {SyntaxError} if the text is anything else
 */
export function fromHex(text: string): Bytes {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new SyntaxError("Not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Decodes base64 with `atob`, which accepts more than {@linkcode fromBase64}. */
function decodeBase64(text: string): Bytes {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new SyntaxError("Not base64");
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
