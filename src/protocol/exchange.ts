/**
 * A request and what answers it, in either version.
 *
 * @module
 */
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
import type { SecretKey } from "./secret_key.ts";

/** A version of the protocol. */
export type Version = 1 | 2;

/**
 * The header of an HTTP 401 that tells the newest version that the gateway knows. A client that asked in that version then
 * knows that its key is wrong, and spends no second failed attempt on version 1. It is plain, so it proves nothing.
 */
export const PROTOCOL_HEADER = "E2E-Protocol";

/** A request as received: well-formed, and proof of nothing yet. */
export type RequestEnvelope = Envelope | EnvelopeV2;

/** A request that both sides know: its answer is sealed for it alone in version 2, and for its key in version 1. */
export type Exchange = ({ readonly version: 2 } & RequestBinding) | { readonly version: 1; readonly key: SecretKey };

/**
 * Splits a request into its parts. The version shows in its first characters: nothing is tried.
 *
 * @throws {EnvelopeError} if the text is a request of no version
 */
export function parseRequest(text: string): RequestEnvelope {
  return text.startsWith(VERSION_2) ? parseRequestV2(text) : parseEnvelope(text);
}

/** What sealing a request takes. */
export interface SealRequestOptions {
  /** Which version to speak. */
  readonly version: Version;
  /** Where the request goes. */
  readonly route: Route;
  /** Where nonce or salt come from. */
  readonly random: RandomBytes;
}

/** Encrypts a request; what comes back is opened with the exchange. */
export async function sealRequest(
  key: SecretKey,
  plaintext: string,
  { version, route, random }: SealRequestOptions,
): Promise<{ readonly text: SealedText; readonly exchange: Exchange }> {
  if (version === 1) return { text: await sealEnvelope(key.aead, plaintext, random), exchange: { version, key } };
  const { text, binding } = await sealRequestV2(key, plaintext, { route, random });
  return { text, exchange: { version, ...binding } };
}

/** A request that a key opened. */
export interface OpenedRequest {
  /** The plaintext. */
  readonly text: OpenedText;
  /** What its answer is to be sealed for. */
  readonly exchange: Exchange;
}

/**
 * Verifies and decrypts a request that may have been sealed with another key.
 *
 * @param route where it went
 * @returns undefined if it was sealed with another key or, in version 2, for another route, or is not UTF-8
 */
export async function openRequest(
  key: SecretKey,
  envelope: RequestEnvelope,
  { route }: { readonly route: Route },
): Promise<OpenedRequest | undefined> {
  if (envelope.version === 1) {
    const text = await tryEnvelope(key.aead, envelope);
    return text === undefined ? undefined : { text, exchange: { version: 1, key } };
  }
  const text = await tryRequestV2(key, envelope, route);
  return text === undefined ? undefined : { text, exchange: { version: 2, key, route, salt: envelope.salt } };
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
 * @throws {EnvelopeError} if it was changed on the way or, in version 2, belongs to another request
 */
export async function openAnswer(exchange: Exchange, text: string): Promise<OpenedText> {
  return exchange.version === 1
    ? await openEnvelope(exchange.key.aead, parseEnvelope(text))
    : await openResponseV2(exchange, text);
}
