/**
 * Pairing: a device and the gateway agree on a new key, which never travels. Both know a pairing code, and each sends the
 * public point of an ephemeral key pair, sealed with a key that is derived from the code. See docs/protocol.md.
 *
 * @module
 */
import { KEY_BYTES } from "./aead.ts";
import { type Bytes, concat, fromBase64Url, toBase64Url } from "./bytes.ts";
import { type Derivation, hkdfParameters } from "./secret_key.ts";

/** Ephemeral key pair of one side, for one exchange. */
export interface EphemeralKey {
  /** Public point for the other side: base64url of the 65 bytes of its uncompressed form (SEC 1, section 2.3.3). */
  readonly publicPoint: string;
  /** Private key, which never leaves WebCrypto. */
  readonly privateKey: CryptoKey;
}

/** Inputs of a device's key besides the own ephemeral key. */
export interface DeviceKeyInputs {
  /** Public point as the other side sent it. */
  readonly publicPoint: string;
  /** Pairing key, 32 bytes. */
  readonly pairingKey: Bytes;
  /** Salt of the pairing request, 16 bytes. */
  readonly salt: Bytes;
}

const P256 = { name: "ECDH", namedCurve: "P-256" };
/** Length of a field element of P-256, in bits: the x-coordinate that both sides compute. */
const SHARED_BITS = 256;
/** Length of a point in its uncompressed form, in bytes. */
const POINT_BYTES = 65;
/** First byte of that form. */
const UNCOMPRESSED = 4;

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

/** Generates the ephemeral key pair of one side. Use it for one exchange. */
export async function generateEphemeralKey(): Promise<EphemeralKey> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(P256, false, ["deriveBits"]);
  return { publicPoint: toBase64Url(new Uint8Array(await crypto.subtle.exportKey("raw", publicKey))), privateKey };
}

/**
 * Derives the new key of the device: both sides get the same one.
 *
 * @returns 32 bytes, or undefined if the other side's public point is malformed or not on the curve
 */
export async function deriveDeviceKey(
  { privateKey }: EphemeralKey,
  { publicPoint, pairingKey, salt }: DeviceKeyInputs,
): Promise<Bytes | undefined> {
  const shared = await agree(privateKey, publicPoint);
  return shared && await hkdf(concat(shared, pairingKey), { salt, info: DEVICE_KEY_INFO });
}

/** Returns the secret that both key pairs share (SEC 1, section 3.3.1); undefined if the point is not valid. */
async function agree(privateKey: CryptoKey, publicPoint: string): Promise<Bytes | undefined> {
  try {
    const bytes = fromBase64Url(publicPoint);
    // WebCrypto may accept compressed points, too (Web Cryptography API, section 24.6, step 3.5).
    if (bytes.length !== POINT_BYTES || bytes[0] !== UNCOMPRESSED) return undefined;
    const point = await crypto.subtle.importKey("raw", bytes, P256, false, []);
    // Some platforms find out only here that a point is not on the curve.
    return new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: point }, privateKey, SHARED_BITS));
  } catch {
    return undefined;
  }
}

async function hkdf(secret: Bytes, derivation: Derivation): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits(hkdfParameters(derivation), key, KEY_BYTES * 8));
}
