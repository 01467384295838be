/**
 * A message as listeners get it.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { BrokerMessage, QoS } from "../broker.ts";

/** A message as it came to the gateway: one object for all who listen. */
export interface ReceivedMessage {
  /** Its position in the log; each delivery has one of its own. */
  readonly position: Position;
  /** The topic it was published to. */
  readonly topic: string;
  /** Its payload as text, or as bytes where it is not UTF-8; empty where it was left out, as too large. */
  readonly payload: string | Uint8Array;
  /** Length of the payload as it came, in bytes. */
  readonly payloadBytes: number;
  /** Whether the payload was left out. */
  readonly isOmitted?: boolean;
  /** Quality of service with which it came. */
  readonly qos: QoS;
  /** True when the broker had kept it from before the subscription. */
  readonly retain: boolean;
  /** When it came, in milliseconds since 1970. */
  readonly receivedAt: number;
}

/** What a message that is held costs beside its payload and topic, in bytes. */
export const MESSAGE_OVERHEAD_BYTES = 256;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Makes a message out of what a broker delivered.
 *
 * @param receivedAt in milliseconds since 1970
 */
export function receivedMessage(
  { topic, payload, omittedBytes, qos, retain }: BrokerMessage,
  { position, receivedAt }: Pick<ReceivedMessage, "position" | "receivedAt">,
): ReceivedMessage {
  const message = { position, topic, payload: decoded(payload), payloadBytes: payload.length, qos, retain, receivedAt };
  return omittedBytes === undefined ? message : { ...message, payloadBytes: omittedBytes, isOmitted: true };
}

/** What a message costs in memory while it is held, in bytes. */
export function messageBytes({ topic, payloadBytes, isOmitted = false }: ReceivedMessage): number {
  return (isOmitted ? 0 : payloadBytes) + topic.length + MESSAGE_OVERHEAD_BYTES;
}

/** A copy in any case: what MQTT.js hands over is part of a larger piece, which would stay in memory with it. */
function decoded(payload: Uint8Array): string | Uint8Array {
  try {
    return strictUtf8.decode(payload);
  } catch {
    return payload.slice();
  }
}
