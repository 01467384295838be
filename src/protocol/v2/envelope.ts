/**
 * Version 2 envelopes: each message under a key of its own, bound to its direction, its route, and its request. See
 * docs/protocol.md.
 *
 * @module
 */
import { andThen, type Awaitable } from "../../lib/awaitable.ts";
import { decrypt, encrypt, EnvelopeError, NONCE_BYTES, type OpenedText, type SealedText, TAG_BYTES } from "../aead.ts";
import { type Bytes, concat, free, fromBase64Url, type RandomBytes, toBase64Url } from "../bytes.ts";
import type { Derivation, SecretKey } from "../secret_key.ts";

/** Route that a request is bound to, whatever a proxy does to the path. */
export type Route = "/gateway" | "/subscribe" | "/mqtt/publish" | "/mqtt/subscribe" | "/pair";

/** Length of a salt, in bytes. */
export const SALT_BYTES = 16;

/** First characters of a text of version 2; base64 has no dot. */
export const VERSION_2 = "2.";

/** Request as received: well-formed, not yet authenticated. */
export interface EnvelopeV2 {
  /** Version of the protocol. */
  readonly version: 2;
  /** Id of the key that the request names. */
  readonly kid: string;
  /** 16 bytes. */
  readonly salt: Bytes;
  /** The ciphertext followed by its 16-byte tag. */
  readonly ciphertext: Bytes;
}

/** Properties of a request that its answer is bound to. */
export interface RequestBinding {
  /** Key of the request. */
  readonly key: SecretKey;
  /** Route of the request. */
  readonly route: Route;
  /** Salt of the request, 16 bytes. */
  readonly salt: Bytes;
}

/** Direction of a message: part of the derivation of its key, and of its additional data. */
export type Direction = "request" | "response" | "stream";

const utf8 = new TextEncoder();

const INFO: Readonly<Record<Direction, Bytes>> = {
  request: utf8.encode("e2eg/2 request"),
  response: utf8.encode("e2eg/2 response"),
  stream: utf8.encode("e2eg/2 stream"),
};

/** Each key seals one message, so its nonce need not differ. */
const ZERO_NONCE: Bytes = new Uint8Array(NONCE_BYTES);

/**
 * Parses the text of a request, `2.kid.base64url( salt ‖ ciphertext ‖ tag )`.
 *
 * @throws {EnvelopeError} if the text is anything else
 */
export function parseRequestV2(text: string): EnvelopeV2 {
  const [head = "", kid] = /^2\.([0-9a-f]{16})\./.exec(text) ?? [];
  if (kid === undefined) throw new EnvelopeError();
  const { salt, ciphertext } = splitSalt(text.slice(head.length));
  return { version: 2, kid, salt, ciphertext };
}

/**
 * Verifies and decrypts a request.
 *
 * @returns the plaintext, or undefined if it was sealed with another key or for another route, or is not UTF-8
 */
export function tryRequestV2(
  key: SecretKey,
  { kid, salt, ciphertext }: EnvelopeV2,
  route: Route,
): Awaitable<OpenedText | undefined> {
  const parameters = { nonce: ZERO_NONCE, additionalData: additionalData("request", kid, route) };
  const messageKey = key.deriveDecryptor({ salt, info: INFO.request });
  return andThen(messageKey, (derived) => decrypt(derived, ciphertext, parameters));
}

/**
 * Encrypts a request.
 *
 * @param random source of the salt
 * @returns the text to send, and the binding of the answer
 */
export async function sealRequestV2(
  key: SecretKey,
  plaintext: string,
  { route, random }: { readonly route: Route; readonly random: RandomBytes },
): Promise<{ readonly text: SealedText; readonly binding: RequestBinding }> {
  const salt = random(SALT_BYTES);
  const messageKey = await key.deriveEncryptor({ salt, info: INFO.request });
  const ciphertext = await encrypt(messageKey, plaintext, {
    nonce: ZERO_NONCE,
    additionalData: additionalData("request", key.kid, route),
  });
  const text = `${VERSION_2}${key.kid}.${toBase64Url(concat(salt, ciphertext))}` as SealedText;
  return { text, binding: { key, route, salt } };
}

/**
 * Encrypts the answer to a request, `2.base64url( salt ‖ ciphertext ‖ tag )`.
 *
 * @param random source of the answer's own salt: a repeated request may get another answer
 */
export async function sealResponseV2(
  binding: RequestBinding,
  plaintext: string,
  random: RandomBytes,
): Promise<SealedText> {
  const salt = random(SALT_BYTES);
  const messageKey = await binding.key.deriveEncryptor(derivationOf(binding, { direction: "response", salt }));
  const ciphertext = await encrypt(messageKey, plaintext, {
    nonce: ZERO_NONCE,
    additionalData: additionalData("response", binding.key.kid, binding.route),
  });
  const bytes = concat(salt, ciphertext);
  free(ciphertext);
  const text = `${VERSION_2}${toBase64Url(bytes)}` as SealedText;
  free(bytes);
  return text;
}

/**
 * Verifies and decrypts the answer to a request.
 *
 * @throws {EnvelopeError} if it is not the answer to this very request
 */
export async function openResponseV2(binding: RequestBinding, text: string): Promise<OpenedText> {
  if (!text.startsWith(VERSION_2)) throw new EnvelopeError();
  const { salt, ciphertext } = splitSalt(text.slice(VERSION_2.length));
  const messageKey = await binding.key.deriveDecryptor(derivationOf(binding, { direction: "response", salt }));
  const opened = await decrypt(messageKey, ciphertext, {
    nonce: ZERO_NONCE,
    additionalData: additionalData("response", binding.key.kid, binding.route),
  });
  if (opened === undefined) throw new EnvelopeError();
  return opened;
}

/** Returns the derivation of the key of an answer or stream, from the salts of both sides. */
export function derivationOf(
  binding: RequestBinding,
  { direction, salt }: { readonly direction: "response" | "stream"; readonly salt: Bytes },
): Derivation {
  return { salt: concat(binding.salt, salt), info: INFO[direction] };
}

/**
 * Encodes the context of a message: in another context its tag does not verify.
 *
 * @param last the route, or the number of the event
 */
export function additionalData(direction: Direction, kid: string, last: string): Bytes {
  return utf8.encode(`e2eg/2 ${direction}\n${kid}\n${last}`);
}

function splitSalt(text: string): { readonly salt: Bytes; readonly ciphertext: Bytes } {
  let bytes: Bytes;
  try {
    bytes = fromBase64Url(text);
  } catch {
    throw new EnvelopeError();
  }
  if (bytes.length < SALT_BYTES + TAG_BYTES) throw new EnvelopeError();
  return { salt: bytes.subarray(0, SALT_BYTES), ciphertext: bytes.subarray(SALT_BYTES) };
}
