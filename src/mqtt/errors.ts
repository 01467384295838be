/**
 * Turns the many ways in which a broker connection fails into one clear sentence each.
 *
 * @module
 */
import { errorText } from "../lib/errors.ts";
import { type BrokerAddress, BrokerError } from "./broker.ts";

/** CONNACK's codes (MQTT 3.1.1, section 3.2.2.3; MQTT 5, section 3.2.2.2). */
const REFUSALS: Readonly<Record<number, string>> = {
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

/** Codes of the operating system and of the name resolver. */
const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection: nothing listens there",
  ECONNRESET: "broke the connection",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ENOTFOUND: "not found: no such host name",
  EAI_AGAIN: "not found: the name server does not answer",
  ETIMEDOUT: "does not answer",
};

/** Codes of names that lead nowhere. */
const NOT_FOUND: readonly unknown[] = ["ENOTFOUND", "EAI_AGAIN"];

/**
 * Says what to do about a name that is not found because it is one of multicast DNS (RFC 6762).
 *
 * @param host the name
 * @returns words to end a sentence with; empty for any other name
 */
export function mdnsHint(host: string): string {
  const isLocal = /\.local\.?$/i.test(host);
  return isLocal ? `. ${host} needs mDNS, which containers and this resolver lack: use the IP address` : "";
}

/**
 * Says what went wrong with a connection.
 *
 * @param error what the MQTT library or the socket threw
 * @param place host and port, for the message
 */
export function connectionError(error: unknown, place: string): BrokerError {
  const code = errorCode(error);
  const known = typeof code === "number" ? REFUSALS[code] : SYSTEM[code ?? ""];
  if (known !== undefined) {
    const hint = NOT_FOUND.includes(code) ? mdnsHint(place.slice(0, place.lastIndexOf(":"))) : "";
    return new BrokerError(`Broker ${place} ${known}${hint}${code === undefined ? "" : ` (code ${code})`}`);
  }
  const reason = errorText(error);
  if (error instanceof Error && error.name === "NotCapable") {
    return new BrokerError(`Broker ${place} is outside of what the sandbox allows`);
  }
  return new BrokerError(`Broker ${place} failed: ${reason}`);
}

/**
 * Says that a broker let a deadline pass.
 *
 * @param missed what it did not do in time, in words that follow "did not"
 */
export function timeoutError({ host, port }: BrokerAddress, missed: string, timeoutMs: number): BrokerError {
  return new BrokerError(`Broker ${host}:${port} did not ${missed} within ${timeoutMs / 1000} s`);
}

/** The code of MQTT, of the operating system or of the name resolver that an error carries. */
export function errorCode(error: unknown): number | string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "number" || typeof error.code === "string" ? error.code : undefined;
}
