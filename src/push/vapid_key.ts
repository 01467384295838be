/**
 * Key pair by which push services recognize the gateway (RFC 8292): made once, and kept in a file.
 *
 * @module
 */
import { z } from "zod";
import { tryParseJson } from "../lib/json.ts";
import { type Bytes, concat, fromBase64Url, toBase64Url } from "../protocol/bytes.ts";

/** Key pair of the gateway. */
export interface VapidKey {
  /** Public point, base64url of 65 bytes: browsers name it when they subscribe, and services check tokens with it. */
  readonly publicKey: string;
  /** Private key, which never leaves WebCrypto. */
  readonly privateKey: CryptoKey;
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };

/** Content of the file does not have the form that it must have. The message has nothing of the content. */
export class VapidKeyError extends Error {
  /** Makes the error from the fault. */
  constructor(fault: string) {
    super(`VAPID key ${fault}. Restore the file from a backup; with a new key, each device must subscribe again`);
    this.name = "VapidKeyError";
  }
}

/** Base64url of 32 bytes, in its only spelling. */
const coordinate = z.string().refine((text) => decode(text)?.length === 32);

const schema = z.strictObject({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  x: coordinate,
  y: coordinate,
  d: coordinate,
});

/** Generates a key pair, as the text of its file: a JSON Web Key (RFC 7517) with the members that it needs. */
export async function generateVapidKey(): Promise<string> {
  const { privateKey } = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", privateKey);
  return `${JSON.stringify({ kty, crv, x, y, d }, undefined, 2)}\n`;
}

/**
 * Parses the text of the file.
 *
 * @throws {VapidKeyError} if it is not a key pair of P-256
 */
export async function parseVapidKey(text: string): Promise<VapidKey> {
  const { data: jwk, error } = schema.safeParse(tryParseJson(text));
  if (jwk === undefined) {
    const member = error?.issues[0]?.path[0];
    const names = "must be a JSON Web Key with the members kty, crv, x, y and d, and no others";
    throw new VapidKeyError(member === undefined ? names : `has a wrong member ${String(member)}`);
  }
  const { d: _secret, ...publicJwk } = jwk;
  try {
    const privateKey = await crypto.subtle.importKey("jwk", jwk, ECDSA, false, ["sign"]);
    const publicKey = await crypto.subtle.importKey("jwk", publicJwk, ECDSA, true, ["verify"]);
    // Platforms import halves that do not belong together: every service would refuse the tokens.
    const signature = await crypto.subtle.sign(SIGNATURE, privateKey, new Uint8Array());
    if (!await crypto.subtle.verify(SIGNATURE, publicKey, signature, new Uint8Array())) throw new Error("No pair");
    return { privateKey, publicKey: pointOf(jwk) };
  } catch {
    throw new VapidKeyError("is not a key pair of P-256");
  }
}

/** Signs bytes as ES256 (RFC 7518, section 3.4). */
export async function signWith({ privateKey }: VapidKey, bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(SIGNATURE, privateKey, bytes));
}

function pointOf({ x, y }: { readonly x: string; readonly y: string }): string {
  return toBase64Url(concat(Uint8Array.of(4), concat(fromBase64Url(x), fromBase64Url(y))));
}

function decode(text: string): Bytes | undefined {
  try {
    return fromBase64Url(text);
  } catch {
    return undefined;
  }
}
