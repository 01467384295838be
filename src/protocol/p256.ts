/**
 * Agreement on a shared secret with the elliptic curve P-256, which every platform's cryptography has (NIST SP 800-56A).
 *
 * @module
 */
import { type Bytes, fromBase64Url, toBase64Url } from "./bytes.ts";

/** Key pair of one side. */
export interface AgreementKey {
  /** Public point for the other side: base64url of the 65 bytes of its uncompressed form (SEC 1, section 2.3.3). */
  readonly publicPoint: string;
  /** Private key, which never leaves WebCrypto. */
  readonly privateKey: CryptoKey;
}

const P256 = { name: "ECDH", namedCurve: "P-256" };
/** Length of a field element of P-256, in bits: the x-coordinate that both sides compute. */
const SHARED_BITS = 256;
/** Length of a point in its uncompressed form, in bytes. */
const POINT_BYTES = 65;
/** First byte of that form. */
const UNCOMPRESSED = 4;

/** Generates the key pair of one side. Its private key cannot be read. */
export async function generateAgreementKey(): Promise<AgreementKey> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(P256, false, ["deriveBits"]);
  return { publicPoint: toBase64Url(new Uint8Array(await crypto.subtle.exportKey("raw", publicKey))), privateKey };
}

/**
 * Returns the secret that both key pairs share (SEC 1, section 3.3.1).
 *
 * @param publicPoint public point as the other side sent it
 * @returns 32 bytes, or undefined if the point is malformed or not on the curve
 */
export async function agree(
  { privateKey }: Pick<AgreementKey, "privateKey">,
  publicPoint: string,
): Promise<Bytes | undefined> {
  const bytes = parsePoint(publicPoint);
  if (bytes === undefined) return undefined;
  try {
    const point = await crypto.subtle.importKey("raw", bytes, P256, false, []);
    // Some platforms find out only here that a point is not on the curve.
    return new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: point }, privateKey, SHARED_BITS));
  } catch {
    return undefined;
  }
}

/** Returns whether a text is a public point on the curve. */
export async function isPublicPoint(text: string): Promise<boolean> {
  return parsePoint(text) !== undefined && await agree(await generateAgreementKey(), text) !== undefined;
}

/** Parses a point in its uncompressed form; undefined if it has another. It may not be on the curve. */
export function parsePoint(text: string): Bytes | undefined {
  try {
    const bytes = fromBase64Url(text);
    // WebCrypto may accept compressed points, too (Web Cryptography API, section 24.6, step 3.5).
    return bytes.length === POINT_BYTES && bytes[0] === UNCOMPRESSED ? bytes : undefined;
  } catch {
    return undefined;
  }
}
