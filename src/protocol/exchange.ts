/**
 * A request and its answer, in either version.
 *
 * @module
 */
import { andThen, type Awaitable } from "../lib/awaitable.ts";
import type { OpenedText, SealedText } from "./aead.ts";
import type { RandomBytes } from "./bytes.ts";
import { type Envelope, openEnvelope, parseEnvelope, sealEnvelope, tryEnvelope } from "./v1/envelope.ts";
import {
  type EnvelopeV2,
  openResponseV2,
  parseRequestV2,
  type RequestBinding,
  type Route,
  sealRequestV2,
  sealResponseV2,
  tryRequestV2,
  VERSION_2,
} from "./v2/envelope.ts";
import type { SecretKey, SecretKeyV1 } from "./secret_key.ts";

/** Version of the protocol. */
export type Version = 1 | 2;

/**
 * Header of an HTTP 401 with the newest version of the gateway. For a client of that version it means that its key is wrong,
 * and makes no second failed attempt in version 1. The header is not authenticated.
 */
export const PROTOCOL_HEADER = "E2E-Protocol";

/** Request as received: well-formed, not yet authenticated. */
export type RequestEnvelope = Envelope | EnvelopeV2;

/** Request that an answer is bound to: in version 2 to this request alone, in version 1 to its key. */
export type Exchange = ({ readonly version: 2 } & RequestBinding) | { readonly version: 1; readonly key: SecretKeyV1 };

/**
 * Parses a request. Its first characters name the version: no other is tried.
 *
 * @throws {EnvelopeError} if the text is not a request of any version
 */
export function parseRequest(text: string): RequestEnvelope {
  return text.startsWith(VERSION_2) ? parseRequestV2(text) : parseEnvelope(text);
}

/** Options for sealing a request. */
export interface SealRequestOptions {
  /** Version of the protocol. */
  readonly version: Version;
  /** Route of the request. */
  readonly route: Route;
  /** Source of the nonce or salt. */
  readonly random: RandomBytes;
}

/**
 * Encrypts a request; the exchange opens its answer.
 *
 * @throws {TypeError} if it is to be of version 1, and the key was imported for version 2 only
 */
export async function sealRequest(
  key: SecretKey,
  plaintext: string,
  { version, route, random }: SealRequestOptions,
): Promise<{ readonly text: SealedText; readonly exchange: Exchange }> {
  if (version === 1) {
    if (!hasV1(key)) throw new TypeError("Key was imported for version 2 only");
    return { text: await sealEnvelope(key.aead, plaintext, random), exchange: { version, key } };
  }
  const { text, binding } = await sealRequestV2(key, plaintext, { route, random });
  return { text, exchange: { version, ...binding } };
}

/** Opened request. */
export interface OpenedRequest {
  /** Plaintext. */
  readonly text: OpenedText;
  /** Seals its answer. */
  readonly exchange: Exchange;
}

/**
 * Verifies and decrypts a request that may have been sealed with another key.
 *
 * @param route route at which it was received
 * @returns undefined if it was sealed with another key or, in version 2, for another route, or is not UTF-8; in version 1
 *   also if the key was imported for version 2 only
 */
export function openRequest(
  key: SecretKey,
  envelope: RequestEnvelope,
  { route }: { readonly route: Route },
): Awaitable<OpenedRequest | undefined> {
  if (envelope.version === 1) {
    if (!hasV1(key)) return undefined;
    return andThen(
      tryEnvelope(key.aead, envelope),
      (text) => text === undefined ? undefined : { text, exchange: { version: 1, key } },
    );
  }
  return andThen(
    tryRequestV2(key, envelope, route),
    (text) => text === undefined ? undefined : { text, exchange: { version: 2, key, route, salt: envelope.salt } },
  );
}

/** Encrypts an answer. */
export function sealAnswer(exchange: Exchange, plaintext: string, random: RandomBytes): Promise<SealedText> {
  return exchange.version === 1
    ? sealEnvelope(exchange.key.aead, plaintext, random)
    : sealResponseV2(exchange, plaintext, random);
}

/**
 * Verifies and decrypts an answer.
 *
 * @throws {EnvelopeError} if it was changed or, in version 2, belongs to another request
 */
export async function openAnswer(exchange: Exchange, text: string): Promise<OpenedText> {
  return exchange.version === 1
    ? await openEnvelope(exchange.key.aead, parseEnvelope(text))
    : await openResponseV2(exchange, text);
}

function hasV1(key: SecretKey): key is SecretKeyV1 {
  return key.aead !== undefined;
}
