/**
 * Token of the Admin page: a secret in a file beside the keys, made at the first use.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { dirname, join } from "node:path";
import type { Bytes } from "../protocol/bytes.ts";
import { parseKey } from "../protocol/secret_key.ts";

/** Returns the path of the token's file: beside the key file, where the sandbox allows the gateway to read. */
export function adminTokenFileOf(secretKeyFile: string): string {
  return join(dirname(secretKeyFile), "admin_token");
}

/** Returns whether a text is the token, in a time that does not depend on the text. */
export function isAdminToken(text: string, token: Bytes): boolean {
  const given = parseKey(text);
  return given !== undefined && timingSafeEqual(given, token);
}

/** Length of a challenge in bytes. */
export const CHALLENGE_BYTES = 32;

/** Separates the proof from any other use of the token. */
const PROOF_CONTEXT = "e2e-gateway admin proof\0";

/** Returns the proof that a gateway knows the token, for a challenge, in hexadecimal. It does not reveal the token. */
export function adminProof(token: Bytes, challenge: Bytes): string {
  return createHmac("sha256", token).update(PROOF_CONTEXT).update(challenge).digest("hex");
}

/** Returns whether a text is the proof for a challenge. */
export function isAdminProof(text: string, token: Bytes, challenge: Bytes): boolean {
  return isAdminToken(text, Uint8Array.fromHex(adminProof(token, challenge)));
}
