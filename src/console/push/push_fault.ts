/**
 * Reasons for which push messages cannot be changed, as people are told.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import { RegistrationError, type RegistrationFault } from "./registration.ts";

/** Reason for which something did not succeed: of this page, or an error of the gateway. */
export type PushFault =
  | { readonly kind: RegistrationFault | "browser" | "too_old" | "unavailable" }
  | { readonly kind: "gateway"; readonly error: GatewayError };

/**
 * Returns the reason that an error stands for.
 *
 * @throws the error if it is a fault of the page itself
 */
export function pushFault(error: unknown): PushFault {
  if (error instanceof RegistrationError) return { kind: error.reason };
  // Browsers have errors of their own, as when their push service is not reached.
  if (error instanceof DOMException) return { kind: error.name === "NotAllowedError" ? "denied" : "browser" };
  if (!(error instanceof GatewayError)) throw error;
  if (error.gatewayCode === "unknown_service") return { kind: "too_old" };
  return error.gatewayCode === undefined ? { kind: "unavailable" } : { kind: "gateway", error };
}
