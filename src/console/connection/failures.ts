/**
 * Meaning of the errors of requests and streams.
 *
 * @module
 */
import { FailedError, GatewayError, RefusedError, ScopeError } from "@e2e-gateway/client";

/** Returns whether an error may be due to some of the filters of a stream: a service can refuse them, too. */
export function isRefusal(error: unknown): error is ScopeError | RefusedError | FailedError {
  return error instanceof ScopeError || error instanceof FailedError ||
    error instanceof RefusedError && !isOfAnother(error);
}

/** Returns whether a later attempt may succeed: a service that has failed, such as a broker out of reach, may come back. */
export function isTemporary(error: GatewayError): boolean {
  return error.retryAfterMs !== undefined || error instanceof FailedError || isOfAnother(error);
}

/**
 * Returns whether a program in between refused a request, such as a proxy that answers 404 while the gateway is down. It may
 * have passed the request on all the same.
 */
export function isOfAnother(error: unknown): boolean {
  return error instanceof RefusedError && !error.isSealed;
}

/** Codes of errors without an answer of the gateway that counts. */
const NO_ANSWER: readonly GatewayError["code"][] = [
  "unreachable",
  "timeout",
  "truncated",
  "tampered",
  "unavailable",
  "wrong_key",
  "no_webcrypto",
];

/** Returns whether an error proves that the gateway answered. */
export function isAnswer(error: unknown): boolean {
  return error instanceof GatewayError && !NO_ANSWER.includes(error.code) && !isOfAnother(error);
}
