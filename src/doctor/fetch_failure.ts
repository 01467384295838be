/**
 * Why nobody answered over HTTP, in our own words: the library's may quote whatever was asked.
 *
 * @module
 */
import { DEADLINE_SECONDS } from "./check.ts";

/** What went wrong. */
export type FailureReason = "late" | "name" | "refused" | "certificate" | "tls" | "http" | "away" | "broken";

/** Nobody answered. */
export interface FetchFailure {
  /** Tells it from a reply. */
  readonly kind: "failure";
  /** What went wrong. */
  readonly reason: FailureReason;
  /** The same in words that follow the name of whoever was asked. */
  readonly words: string;
}

/** What Deno says, the most telling first. */
const TELLING: readonly (readonly [RegExp, FailureReason, string])[] = [
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
  [/unreachable|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|no route to host|timed out/i, "away", "cannot be reached from here"],
  [/InvalidContentType|corrupt message|handshake|alert|tls/i, "tls", "fails in the handshake of TLS"],
  [/invalid HTTP/i, "http", "does not speak HTTP"],
  [/to port \d+ are blocked/i, "away", "cannot be asked: no program asks that port by HTTP, as other protocols use it"],
];

/** Names the failure that `fetch` threw. */
export function nameFailure(error: unknown, signal: AbortSignal): FetchFailure {
  if (signal.aborted) {
    return { kind: "failure", reason: "late", words: `does not answer within ${DEADLINE_SECONDS} s` };
  }
  // The address itself tells nothing: a host may be called "tls".
  const text = error instanceof Error ? `${error.message} ${error.cause ?? ""}`.replaceAll(/https?:\S+/g, "") : "";
  for (const [pattern, reason, words] of TELLING) {
    if (pattern.test(text)) return { kind: "failure", reason, words };
  }
  return { kind: "failure", reason: "broken", words: "broke the connection off" };
}
