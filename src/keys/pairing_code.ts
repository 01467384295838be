/**
 * Pairing codes, which the operator makes: with each, one device gets one key.
 *
 * @module
 */
import { KEY_BYTES } from "../protocol/aead.ts";
import { type RandomBytes, toBase64Url } from "../protocol/bytes.ts";
import { derivePairingKey } from "../protocol/pairing_exchange.ts";
import { PAIRING_CODE_BYTES } from "../protocol/pairing_link.ts";
import { deriveKeyId } from "../protocol/secret_key.ts";
import type { Pairing } from "../store/state/pairing_store.ts";
import { isObject } from "../lib/json.ts";
import type { GrantableService } from "./rights.ts";
import { type KeyRecord, parseKeysFile } from "./schema.ts";

/** Time for which a pairing code is valid, in milliseconds. */
export const PAIRING_MS = 10 * 60_000;

/** Most pairing codes that may wait for their devices. */
export const MAX_PENDING_PAIRINGS = 100;

/** Key whose secret is made when its device pairs. */
export type PendingKey = Omit<KeyRecord, "secret" | "label" | "previous">;

/** Code for the device, and the row that the gateway finds it by. */
export interface PairingCode {
  /** Code, 22 characters of base64url: a secret. */
  readonly code: string;
  /** Row of the store, without the code. */
  readonly pairing: Pairing;
}

/** Key that a code is for. */
export interface PairingOptions {
  /** Name of the key. */
  readonly name: string;
  /** New key; undefined to give the existing key of that name a new secret. */
  readonly key: PendingKey | undefined;
  /** The time, in milliseconds since 1970. */
  readonly now: number;
  /** Source of the code. */
  readonly random: RandomBytes;
}

/** Makes a code for a key. It ends with the key, if that comes first. */
export async function createPairing({ name, key, now, random }: PairingOptions): Promise<PairingCode> {
  const code = random(PAIRING_CODE_BYTES);
  const secret = await derivePairingKey(code);
  const pairing = {
    kid: await deriveKeyId(secret),
    secret,
    name,
    record: key && formatPendingKey(key),
    expires: Math.min(now + PAIRING_MS, key?.expires ?? Infinity),
  };
  return { code: toBase64Url(code), pairing };
}

/** Formats a key like the keys file, without a secret. */
function formatPendingKey({ created, expires, ...key }: PendingKey): string {
  const iso = (ms: number) => new Date(ms).toISOString();
  return JSON.stringify({ ...key, created: iso(created), expires: expires && iso(expires) });
}

/**
 * Parses a key that waits for its device, from its record in the store.
 *
 * @throws {SyntaxError} if it is not valid, such as one of another version of the gateway
 */
export function parsePendingKey(text: string, services: readonly GrantableService[]): PendingKey {
  const { secret: _secret, ...key } = completeKey(text, { secret: new Uint8Array(KEY_BYTES) }, services);
  return key;
}

/**
 * Parses a key that a code is for.
 *
 * @param text its record in the store
 * @param given its secret, and the label of its device
 * @param services the services that it may grant
 * @throws {SyntaxError} if it is not valid, such as one of another version of the gateway
 */
export function completeKey(
  text: string,
  { secret, label }: Pick<KeyRecord, "secret" | "label">,
  services: readonly GrantableService[],
): KeyRecord {
  const pending: unknown = JSON.parse(text);
  const key = { ...isObject(pending) ? pending : {}, label, secret: secret.toHex() };
  const [record] = parseKeysFile(JSON.stringify({ version: 1, keys: [key] }), services);
  if (record === undefined) throw new SyntaxError("there is no key in it");
  return record;
}
