/**
 * Recognizes deliveries of one message for several filters that match its topic: a broker may send one for each, with
 * the identifier of that subscription (MQTT 5, section 3.3.4).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BrokerMessage } from "../broker.ts";

/** Equal deliveries in a row. */
interface Run {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly omittedBytes: number | undefined;
  readonly generation: number;
  /** Number of messages. */
  messages: number;
  /** Number of messages that were delivered so far for each subscription. */
  readonly counts: Map<number, number>;
}

/**
 * Counts equal deliveries in a row by subscription. As each message is delivered once for each subscription, a delivery
 * is a copy of an earlier one until its subscription has had as many as there were messages. This needs no knowledge of
 * when the broker began or ended a subscription: where in doubt, a message is taken twice instead of lost.
 */
export class OverlappingDeliveries {
  #run: Run | undefined;

  /**
   * Returns whether a delivery is a copy of one before. To be called for all deliveries in order.
   *
   * @param generation another number once subscriptions have ended: later messages are not delivered for them
   */
  isCopy({ topic, payload, omittedBytes, subscriptions = [] }: BrokerMessage, generation: number): boolean {
    if (subscriptions.length === 0) {
      this.#run = undefined;
      return false;
    }
    const last = this.#run;
    const run = last !== undefined && last.topic === topic && last.omittedBytes === omittedBytes &&
        last.generation === generation && equalBytes(last.payload, payload)
      ? last
      : this.#run = { topic, payload, omittedBytes, generation, messages: 0, counts: new Map() };
    const isCopy = subscriptions.every((id) => (run.counts.get(id) ?? 0) < run.messages);
    if (!isCopy) run.messages += 1;
    for (const id of subscriptions) run.counts.set(id, isCopy ? (run.counts.get(id) ?? 0) + 1 : run.messages);
    return isCopy;
  }
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
