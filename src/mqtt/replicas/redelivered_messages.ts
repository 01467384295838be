/**
 * Recognizes messages that a broker sends again after a connection was lost, although they are in the log: their
 * acknowledgements did not reach it (MQTT 5, section 4.4).
 *
 * @module
 */
import type { BrokerMessage } from "../broker.ts";
import { contentHash } from "./content_hash.ts";

/** The messages of earlier connections that a broker may send again. Each is recognized once. */
export class RedeliveredMessages {
  /** Hashes of their contents, by packet identifier. */
  readonly #hashes = new Map<number, string>();

  /**
   * Takes the messages over.
   *
   * @param messages the newest messages of QoS 1 in the log, the oldest first
   */
  constructor(messages: readonly BrokerMessage[]) {
    for (const message of messages.toReversed()) {
      if (message.packetId === undefined) continue;
      // A broker gives an identifier to another message only once the first is acknowledged, and acknowledgements keep
      // their order: this message, and all before it, are not sent again.
      if (this.#hashes.has(message.packetId)) return;
      this.#hashes.set(message.packetId, contentHash(message));
    }
  }

  /**
   * Returns whether a delivery is one of these messages. Another message with the same packet identifier shows that the
   * one in the log is acknowledged.
   */
  take(message: BrokerMessage): boolean {
    const { packetId, isDuplicate = false } = message;
    if (packetId === undefined) return false;
    const hash = this.#hashes.get(packetId);
    this.#hashes.delete(packetId);
    return isDuplicate && hash !== undefined && hash === contentHash(message);
  }
}
