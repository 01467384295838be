/**
 * Outcome of a run, told honestly: a command that was sent and not answered may have run.
 *
 * @module
 */
import { GatewayError } from "@e2e-gateway/client";
import { isOfAnother } from "../connection/failures.ts";

/** Run of an action as people see it. */
export type Run =
  /** Nothing to tell. */
  | { readonly kind: "idle" }
  /** Sent, not answered yet. */
  | { readonly kind: "sent" }
  /** The gateway's answer says that it ran. */
  | { readonly kind: "done" }
  /** It did not run, or the service answered with an error. */
  | { readonly kind: "failed"; readonly reason: FailureReason }
  /** No answer that counts: it may have run. */
  | { readonly kind: "unknown" };

/** Reason of a failure, in a form that the page has texts for. */
export type FailureReason = "busy" | "used_up" | "not_allowed" | "refused" | "service" | "key" | "too_many" | "offline";

/** Codes of a service's failure after which the action may have run. */
const MAY_HAVE_RUN: readonly unknown[] = ["service_unreachable", "service_timeout"];

/**
 * Returns the outcome that an error stands for.
 *
 * @param options `isOnline` is false where the device itself has no network, so that nothing was sent; `usesLeft` is the
 *   number of runs that the key had left
 */
export function outcomeOf(
  error: unknown,
  { isOnline, usesLeft }: { readonly isOnline: boolean; readonly usesLeft: number | undefined },
): Run {
  if (!(error instanceof GatewayError)) return { kind: "unknown" };
  const failed = (reason: FailureReason): Run => ({ kind: "failed", reason });
  switch (error.code) {
    case "unreachable":
      return isOnline ? { kind: "unknown" } : failed("offline");
    case "timeout":
    case "truncated":
    case "tampered":
      return { kind: "unknown" };
    case "unavailable":
      // A proxy in between answers so, too, also after it passed the request on.
      return error.gatewayCode === undefined ? { kind: "unknown" } : failed("busy");
    case "rate_limit":
      return failed(error.gatewayCode === "busy" ? "busy" : "too_many");
    case "scope":
      return failed(usesLeft !== undefined && usesLeft <= 1 ? "used_up" : "not_allowed");
    case "wrong_key":
      return failed("key");
    case "failed":
      return MAY_HAVE_RUN.includes(error.gatewayCode) ? { kind: "unknown" } : failed("service");
    default:
      return isOfAnother(error) ? { kind: "unknown" } : failed("refused");
  }
}

/** Returns for how long the gateway lets an action not run, in milliseconds; 0 where it did not say so. */
export function coolDownOf(error: unknown): number {
  const isBusy = error instanceof GatewayError && error.code === "rate_limit" && error.gatewayCode === "busy";
  return isBusy ? error.retryAfterMs ?? 0 : 0;
}
