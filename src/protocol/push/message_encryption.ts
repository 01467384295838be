/**
 * Encryption of push messages from the gateway to a browser, or to an app with UnifiedPush (RFC 8291): the services that
 * carry them cannot read them.
 *
 * @module
 */
import { EnvelopeError } from "../aead.ts";
import { type Bytes, concat, fromBase64Url, type RandomBytes, randomBytes, toBase64Url } from "../bytes.ts";
import { agree, type AgreementKey, generateAgreementKey, parsePoint } from "../p256.ts";
import { hkdfParameters } from "../secret_key.ts";
import { decryptRecord, encryptRecord } from "./content_encoding.ts";

/** Keys of a subscription, as the device that receives its messages has registered them. */
export interface PushSubscriptionKeys {
  /** Public point of the device: base64url of 65 bytes. */
  readonly p256dh: string;
  /** Authentication secret: base64url of 16 bytes. */
  readonly auth: string;
}

/** Keys with which a device decrypts the messages of its subscription. */
export interface PushReceiver extends AgreementKey {
  /** Authentication secret: base64url of 16 bytes. */
  readonly auth: string;
}

/** Inputs of an encrypted message besides its text and the subscription. */
export interface PushEncryptionOptions {
  /** Makes the salt. */
  readonly randomBytes: RandomBytes;
  /** Key pair of the sender, for this message alone; a new one by default. */
  readonly sender?: AgreementKey;
  /** Whether zero bytes hide the length of the text, up to the next multiple of 512 bytes; true by default. */
  readonly hidesLength?: boolean;
}

/** Longest text of a push message, in bytes of UTF-8: what is left of 4096 bytes (RFC 8291, section 4). */
export const MAX_PUSH_BYTES = 3993;
/** Length of an authentication secret, in bytes. */
const AUTH_BYTES = 16;
/** Length of a salt, in bytes. */
const SALT_BYTES = 16;
/** Multiple of bytes to which texts are padded. */
const PADDING_STEP_BYTES = 512;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const INFO: Bytes = utf8.encode("WebPush: info\0");

/**
 * Encrypts a push message: the body of a request with `Content-Encoding: aes128gcm`.
 *
 * @throws {TypeError} if a key of the subscription is not valid; the message names it
 * @throws {RangeError} if the text is longer than {@linkcode MAX_PUSH_BYTES}
 */
export async function encryptPush(
  text: string,
  { p256dh, auth }: PushSubscriptionKeys,
  { randomBytes: random, sender: given, hidesLength = true }: PushEncryptionOptions,
): Promise<Bytes> {
  const plaintext = utf8.encode(text);
  if (plaintext.length > MAX_PUSH_BYTES) throw new RangeError(`Push message must be at most ${MAX_PUSH_BYTES} bytes`);
  const secret = parseAuth(auth);
  if (secret === undefined) throw new TypeError(`keys.auth must be base64url of ${AUTH_BYTES} bytes`);
  const sender = given ?? await generateAgreementKey();
  const shared = await agree(sender, p256dh);
  if (shared === undefined) throw new TypeError("keys.p256dh must be base64url of an uncompressed point of P-256");
  const ikm = await deriveIkm({ shared, secret, receiver: p256dh, sender: sender.publicPoint });
  return await encryptRecord(plaintext, {
    ikm,
    salt: random(SALT_BYTES),
    keyId: fromBase64Url(sender.publicPoint),
    padding: hidesLength ? paddingOf(plaintext.length) : 0,
  });
}

/**
 * Decrypts a push message that an app has received through UnifiedPush. A browser does this by itself.
 *
 * @param body body of the push message
 * @throws {EnvelopeError} if it is not a message for this receiver
 *
 * @example
 * ```ts
 * import { decryptPush, generatePushReceiver } from "@e2e-gateway/client";
 *
 * const receiver = await generatePushReceiver();
 * // The body of a push message, as the app receives it.
 * const body = new Uint8Array();
 * const text = await decryptPush(body, receiver).catch(() => undefined);
 * if (text === undefined) console.log("Not a message for this device");
 * ```
 */
export async function decryptPush(body: Bytes, receiver: PushReceiver): Promise<string> {
  const plaintext = await decryptRecord(body, async (keyId) => {
    const secret = parseAuth(receiver.auth);
    const sender = toBase64Url(keyId);
    const shared = await agree(receiver, sender);
    if (shared === undefined || secret === undefined) return undefined;
    return await deriveIkm({ shared, secret, receiver: receiver.publicPoint, sender });
  });
  try {
    return strictUtf8.decode(plaintext);
  } catch {
    throw new EnvelopeError();
  }
}

/**
 * Generates the keys of a new subscription: the device keeps them, and registers `publicPoint` as `p256dh` with `auth`.
 *
 * @example
 * ```ts
 * import { GatewayClient, generatePushReceiver } from "@e2e-gateway/client";
 *
 * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
 * const { publicPoint, auth } = await generatePushReceiver();
 * const endpoint = "https://ntfy.sh/upExample";
 * await gateway.pushSubscribe({ endpoint, keys: { p256dh: publicPoint, auth }, kind: "unifiedpush" });
 * ```
 */
export async function generatePushReceiver(random: RandomBytes = randomBytes): Promise<PushReceiver> {
  return { ...await generateAgreementKey(), auth: toBase64Url(random(AUTH_BYTES)) };
}

/** Parses an authentication secret; undefined if it is not base64url of 16 bytes. */
export function parseAuth(text: string): Bytes | undefined {
  try {
    const bytes = fromBase64Url(text);
    return bytes.length === AUTH_BYTES ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the number of bytes up to the next multiple, or to the longest text. */
function paddingOf(length: number): number {
  return Math.min(Math.ceil((length + 1) / PADDING_STEP_BYTES) * PADDING_STEP_BYTES, MAX_PUSH_BYTES) - length;
}

/** Derives the keying material of a message (RFC 8291, section 3.4). */
async function deriveIkm({ shared, secret, receiver, sender }: {
  readonly shared: Bytes;
  readonly secret: Bytes;
  readonly receiver: string;
  readonly sender: string;
}): Promise<Bytes> {
  const points = concat(parsePoint(receiver) ?? new Uint8Array(), parsePoint(sender) ?? new Uint8Array());
  const key = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const derivation = hkdfParameters({ salt: secret, info: concat(INFO, points) });
  return new Uint8Array(await crypto.subtle.deriveBits(derivation, key, 256));
}
