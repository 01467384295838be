/**
 * Reasons for which push messages cannot be changed, as people are told.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import { RegistrationError, type RegistrationFault } from "./registration.ts";

/** Reason for which something did not succeed: of this page, or an error of the gateway. */
export type PushFault =
  | { readonly kind: RegistrationFault | "busy" | "browser" | "too_old" | "unavailable" }
  | { readonly kind: "gateway"; readonly error: GatewayError };

/** Faults by the name of the browser's error. Only the wait for the lock that tabs share has a timeout. */
const DOM_FAULTS = new Map<string, "denied" | "busy">([["NotAllowedError", "denied"], ["TimeoutError", "busy"]]);

/**
 * Returns the reason that an error stands for.
 *
 * @throws the error if it is a fault of the page itself
 */
export function pushFault(error: unknown): PushFault {
  if (error instanceof RegistrationError) return { kind: error.reason };
  // Browsers have errors of their own, as when their push service is not reached.
  if (error instanceof DOMException) return { kind: DOM_FAULTS.get(error.name) ?? "browser" };
  if (!(error instanceof GatewayError)) throw error;
  if (error.gatewayCode === "unknown_service") return { kind: "too_old" };
  return error.gatewayCode === undefined ? { kind: "unavailable" } : { kind: "gateway", error };
}
