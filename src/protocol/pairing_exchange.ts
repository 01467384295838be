/**
 * Pairing: a device and the gateway agree on a new key, which never travels. Both know a pairing code, and each sends the
 * public point of an ephemeral key pair, sealed with a key that is derived from the code. See docs/protocol.md.
 *
 * @module
 */
import { KEY_BYTES } from "./aead.ts";
import { type Bytes, concat } from "./bytes.ts";
import { agree, type AgreementKey } from "./p256.ts";
import { type Derivation, hkdfParameters } from "./secret_key.ts";

/** Inputs of a device's key besides the own ephemeral key. */
export interface DeviceKeyInputs {
  /** Public point as the other side sent it. */
  readonly publicPoint: string;
  /** Pairing key, 32 bytes. */
  readonly pairingKey: Bytes;
  /** Salt of the pairing request, 16 bytes. */
  readonly salt: Bytes;
}

const utf8 = new TextEncoder();
const PAIRING_KEY: Derivation = { salt: new Uint8Array(), info: utf8.encode("e2eg/2 pair") };
const DEVICE_KEY_INFO: Bytes = utf8.encode("e2eg/2 device key");

/**
 * Derives the key that seals the pairing request and its answer. The gateway keeps it in place of the code.
 *
 * @param code pairing code, 16 bytes
 * @returns 32 bytes
 */
export async function derivePairingKey(code: Bytes): Promise<Bytes> {
  return await hkdf(code, PAIRING_KEY);
}

/**
 * Derives the new key of the device: both sides get the same one.
 *
 * @param ephemeral key pair of this side, which is used for one exchange
 * @returns 32 bytes, or undefined if the other side's public point is malformed or not on the curve
 */
export async function deriveDeviceKey(
  ephemeral: AgreementKey,
  { publicPoint, pairingKey, salt }: DeviceKeyInputs,
): Promise<Bytes | undefined> {
  const shared = await agree(ephemeral, publicPoint);
  return shared && await hkdf(concat(shared, pairingKey), { salt, info: DEVICE_KEY_INFO });
}

async function hkdf(secret: Bytes, derivation: Derivation): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits(hkdfParameters(derivation), key, KEY_BYTES * 8));
}
