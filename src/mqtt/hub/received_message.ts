/**
 * Messages as the hub passes them to subscribers.
 *
 * @module
 */
import type { Position } from "../../protocol/event.ts";
import type { BrokerMessage, QoS } from "../broker.ts";

/** Message from a broker: one object for all subscribers. */
export interface ReceivedMessage {
  /** Position in the history; each delivery has its own. */
  readonly position: Position;
  /** Topic it was published to. */
  readonly topic: string;
  /** Payload as text, or as bytes if it is not UTF-8; empty if it was omitted as too large. */
  readonly payload: string | Uint8Array;
  /** Length of the payload as the broker sent it, in bytes. */
  readonly payloadBytes: number;
  /** True if the payload was omitted. */
  readonly isOmitted?: boolean;
  /** Quality of service of this delivery. */
  readonly qos: QoS;
  /** True for a retained message, which the broker stored before the subscription. */
  readonly retain: boolean;
  /** Time of its arrival, in milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Memory that a stored message takes beside its payload and topic, in bytes. */
export const MESSAGE_OVERHEAD_BYTES = 256;

/** Least number of entries for shared payloads at which those of unused messages are deleted. */
const MIN_FULL_SIZE = 64;

/** Payloads longer than this are shared, in bytes. */
const WORTH_SHARING_BYTES = 64 * 1024;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Makes a message from a delivery of a broker.
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

/** Returns the memory that a stored message takes, in bytes. */
export function messageBytes({ topic, payloadBytes, isOmitted = false }: ReceivedMessage): number {
  return (isOmitted ? 0 : payloadBytes) + topic.length + MESSAGE_OVERHEAD_BYTES;
}

/** Always copies: MQTT.js passes a view of a larger buffer, which would stay in memory with it. */
function decoded(payload: Uint8Array): string | Uint8Array {
  try {
    return strictUtf8.decode(payload);
  } catch {
    return payload.slice();
  }
}

/**
 * Keeps large retained payloads in memory once: a broker sends them again for each new subscription. An entry lives as
 * long as its message is used elsewhere.
 */
export class SharedPayloads {
  readonly #last = new Map<string, WeakRef<ReceivedMessage>>();
  /** Number of entries at which those of unused messages are deleted. */
  #fullSize = MIN_FULL_SIZE;

  /** Returns the message, with the payload object of the last one on its topic if they are equal. */
  share(message: ReceivedMessage): ReceivedMessage {
    const { topic, payload, payloadBytes } = message;
    if (payloadBytes <= WORTH_SHARING_BYTES || typeof payload !== "string") return message;
    const last = this.#last.get(topic)?.deref();
    const shared = last?.payload === payload ? { ...message, payload: last.payload } : message;
    this.#last.set(topic, new WeakRef(shared));
    if (this.#last.size >= this.#fullSize) this.#deleteUnused();
    return shared;
  }

  /** Amortized: each entry is visited once for each one that was added. */
  #deleteUnused(): void {
    for (const [topic, message] of this.#last) if (message.deref() === undefined) this.#last.delete(topic);
    this.#fullSize = Math.max(MIN_FULL_SIZE, 2 * this.#last.size);
  }
}
