/**
 * Descriptions of failed HTTP requests that never quote the library's message, which may hold parts of the request.
 *
 * @module
 */
import { errorName, errorText } from "./errors.ts";

/** Time limit of a probe, in seconds: far above any response time in a home network. */
export const PROBE_TIMEOUT_SECONDS = 5;

/** Kind of failure. */
export type FailureReason =
  | "forbidden"
  | "late"
  | "name"
  | "refused"
  | "certificate"
  | "tls"
  | "http"
  | "unreachable"
  | "broken";

/** HTTP request without a response. */
export interface FetchFailure {
  /** Distinguishes it from a reply. */
  readonly kind: "failure";
  /** Kind of failure. */
  readonly reason: FailureReason;
  /** Description that follows the name of the server. */
  readonly message: string;
}

/** Messages of Deno's `fetch`, the most specific first. */
const PATTERNS: readonly (readonly [RegExp, FailureReason, string])[] = [
  [/dns error|failed to lookup|ENOTFOUND|EAI_AGAIN/i, "name", "is not found: there is no such name"],
  [/connection refused|ECONNREFUSED/i, "refused", "refuses connections: nothing listens there"],
  [/invalid peer certificate.*expired|CERT_HAS_EXPIRED/i, "certificate", "has a certificate that has expired"],
  [
    /invalid peer certificate.*(not valid for name|NotValidForName)|ERR_TLS_CERT_ALTNAME_INVALID/i,
    "certificate",
    "has another name's certificate",
  ],
  [
    /invalid peer certificate.*UnknownIssuer|UNABLE_TO_VERIFY|SELF_SIGNED_CERT/i,
    "certificate",
    "has a certificate of an unknown authority",
  ],
  [/invalid peer certificate/i, "certificate", "has a certificate that is not valid"],
  [
    /unreachable|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|no route to host|timed out/i,
    "unreachable",
    "cannot be reached from here",
  ],
  [/InvalidContentType|corrupt message|handshake|alert|tls/i, "tls", "fails in the TLS handshake"],
  [/invalid HTTP/i, "http", "does not speak HTTP"],
  [
    /to port \d+ are blocked/i,
    "unreachable",
    "cannot be reached: HTTP clients block that port, which belongs to another protocol",
  ],
];

/** Describes an error that `fetch` threw; after an abort of the signal, as a timeout. */
export function describeFetchError(error: unknown, signal: AbortSignal): FetchFailure {
  if (signal.aborted) {
    return { kind: "failure", reason: "late", message: `does not answer within ${PROBE_TIMEOUT_SECONDS} s` };
  }
  if (errorName(error) === "NotCapable") {
    return { kind: "failure", reason: "forbidden", message: "may not be asked from the sandbox of this program" };
  }
  // Without the address, whose host may match a pattern, such as "tls".
  const text = error instanceof Error ? `${error.message} ${error.cause ?? ""}`.replaceAll(/https?:\S+/g, "") : "";
  for (const [pattern, reason, message] of PATTERNS) {
    if (pattern.test(text)) return { kind: "failure", reason, message };
  }
  return { kind: "failure", reason: "broken", message: "closed the connection without a response" };
}

/** Returns whether an error that `fetch` threw shows that there was no connection, so that nothing was sent. */
export function neverConnected(error: unknown): boolean {
  return /client error \(Connect\)|are blocked/.test(fetchCause(error).message);
}

/** URL in a message, without the bracket and the colon that may follow it: the URL itself may hold both. */
const URL_IN_MESSAGE = /https?:\S+?(?=\)?:?(?:\s|$))/gi;

/** Returns the reason of an error that `fetch` threw for the log, without URLs: Deno quotes them, and they may hold secrets. */
export function fetchCause(error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new Error(errorText(cause).replaceAll(URL_IN_MESSAGE, "its address"));
}
