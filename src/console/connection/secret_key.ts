/**
 * Key of a home for the client.
 *
 * @module
 */
import type { SecretKey } from "@e2e-gateway/client";
import type { Home } from "../homes/home.ts";
export function secretKeyOf({ key, kid }: Home): SecretKey {
  return secretKey(key, kid);
}
