/**
 * Messages of failed broker connections and commands.
 *
 * @module
 */
import { errorName, errorText } from "../lib/errors.ts";
import { mdnsHint } from "../net/host.ts";
import { type BrokerAddress, BrokerError, BrokerLoginError } from "./broker.ts";

/** CONNACK codes of a refused connection (MQTT 3.1.1, section 3.2.2.3; MQTT 5, section 3.2.2.2). */
const CONNACK_ERRORS: Readonly<Record<number, string>> = {
  1: "speaks neither MQTT 5 nor 3.1.1",
  2: "refused the client identifier",
  3: "is not available",
  4: "refused the user name or password",
  5: "refused the user name or password",
  132: "speaks neither MQTT 5 nor 3.1.1",
  133: "refused the client identifier",
  134: "refused the user name or password",
  135: "refused the user name or password",
  136: "is not available",
  137: "is busy",
  138: "has banned this client",
  159: "has had too many connections at once",
};

/** CONNACK codes of a login that the broker does not accept. */
const LOGIN_ERRORS: readonly unknown[] = [4, 5, 134, 135, 138];

/** Codes of the operating system and the name resolver. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection: nothing listens there",
  ECONNRESET: "broke the connection",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ENOTFOUND: "not found: no such host name",
  EAI_AGAIN: "not found: the name server does not answer",
  ETIMEDOUT: "does not answer",
};

/** Codes of failed name lookups. */
const LOOKUP_ERRORS: readonly unknown[] = ["ENOTFOUND", "EAI_AGAIN"];

/** First MQTT 5 reason code of a failure (section 2.4). */
export const FIRST_FAILURE = 0x80;

/** Reason codes of a refused message or a closed connection, with the standard's names. */
export const REASONS: Readonly<Record<number, string>> = {
  0x80: "Unspecified error",
  0x81: "Malformed Packet",
  0x82: "Protocol Error",
  0x83: "Implementation specific error",
  0x87: "Not authorized",
  0x89: "Server busy",
  0x8b: "Server shutting down",
  0x8d: "Keep Alive timeout",
  0x8e: "Session taken over: another client has the same client identifier",
  0x8f: "Topic Filter invalid",
  0x90: "Topic Name invalid",
  0x91: "Packet Identifier in use",
  0x92: "Packet Identifier not found",
  0x93: "Receive Maximum exceeded",
  0x94: "Topic Alias invalid",
  0x95: "Packet too large",
  0x96: "Message rate too high",
  0x97: "Quota exceeded",
  0x98: "Administrative action",
  0x99: "Payload format invalid",
  0x9a: "Retain not supported",
  0x9b: "QoS not supported",
  0x9c: "Use another server",
  0x9d: "Server moved",
  0x9e: "Shared Subscriptions not supported",
  0x9f: "Connection rate exceeded",
  0xa0: "Maximum connect time",
  0xa1: "Subscription Identifiers not supported",
  0xa2: "Wildcard Subscriptions not supported",
};

/** Longest reason string of a broker in a message, in characters. */
const MAX_REASON_LENGTH = 200;

/**
 * Makes the error of a failed connection.
 *
 * @param error error of the MQTT library or the socket
 * @param endpoint host and port
 */
export function connectionError(error: unknown, endpoint: string): BrokerError {
  const code = errorCode(error);
  const known = typeof code === "number" ? CONNACK_ERRORS[code] : SYSTEM_ERRORS[code ?? ""];
  if (known !== undefined) {
    const hint = LOOKUP_ERRORS.includes(code) ? mdnsHint(endpoint.slice(0, endpoint.lastIndexOf(":"))) : "";
    const message = `Broker ${endpoint} ${known}${hint}${code === undefined ? "" : ` (code ${code})`}`;
    return LOGIN_ERRORS.includes(code) ? new BrokerLoginError(message) : new BrokerError(message);
  }
  return errorName(error) === "NotCapable"
    ? new BrokerError(`Broker ${endpoint} is outside of what the sandbox allows`)
    : new BrokerError(`Broker ${endpoint} failed: ${errorText(error)}`);
}

/**
 * Makes the error of a broker that did not respond in time.
 *
 * @param awaited missing response, as text that follows "did not"
 */
export function timeoutError({ host, port }: BrokerAddress, awaited: string, timeoutMs: number): BrokerError {
  return new BrokerError(`Broker ${host}:${port} did not ${awaited} within ${timeoutMs / 1000} s`);
}

/** Returns the code of MQTT, of the operating system or of the name resolver in an error. */
export function errorCode(error: unknown): number | string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "number" || typeof error.code === "string" ? error.code : undefined;
}

/**
 * Describes a reason code (MQTT 5, section 2.4).
 *
 * @param reasonString text from the broker (section 3.4.2.2.2), if it sent one
 * @returns text that follows a colon, with the code at its end
 */
export function reasonText(code: number, reasonString?: string): string {
  const known = REASONS[code] ?? "Unknown reason";
  // Removes control characters: the text goes to logs and terminals.
  const own = (reasonString ?? "").replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ").trim().slice(0, MAX_REASON_LENGTH);
  return `${own === "" ? known : `${known}, "${own}"`} (code ${code})`;
}
