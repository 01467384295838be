/**
 * Reason codes by which a broker of MQTT 5 says why it does not do something (section 2.4).
 *
 * @module
 */
import constants from "mqtt-packet/constants.js";

/** The first of the codes that say "no". */
export const FIRST_FAILURE = 0x80;

/** The codes that can come for a message or with the end of a connection, by the names that the standard has. */
const REASONS: Readonly<Record<number, string>> = {
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

/** Longest reason of a broker's own to tell, in characters. */
const MAX_REASON_LENGTH = 200;

/**
 * Says why a broker refuses.
 *
 * @param detail the broker's own words (MQTT 5, section 3.4.2.2.2), where it has some
 * @returns words to follow a colon, with the code at the end
 */
export function reasonText(code: number, detail?: string): string {
  const known = REASONS[code] ?? "Unknown reason";
  // The broker's own words reach logs and terminals.
  const own = (detail ?? "").replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, " ").trim().slice(0, MAX_REASON_LENGTH);
  return `${own === "" ? known : `${known}, "${own}"`} (code ${code})`;
}

/**
 * Has MQTT.js' parser take every reason code. It knows those that were in the tables when it was written, and ends the
 * connection for any other, so that one refused message would end all that is under way. (mqtt-packet 9.0.2 lacks
 * 0x95, packet too large, for messages.)
 */
export function acceptAllReasonCodes(): void {
  const tables: readonly Record<number, string>[] = [
    constants.MQTT5_PUBACK_PUBREC_CODES,
    constants.MQTT5_PUBREL_PUBCOMP_CODES,
    constants.MQTT5_SUBACK_CODES,
    constants.MQTT5_UNSUBACK_CODES,
    constants.MQTT5_DISCONNECT_CODES,
  ];
  for (const table of tables) {
    for (let code = FIRST_FAILURE; code <= 0xff; code++) table[code] ??= REASONS[code] ?? "Unknown reason";
  }
}
