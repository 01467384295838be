/**
 * Large retained messages, which a broker sends again for each listener that comes: held once as long as any of them is.
 *
 * @module
 */
import type { ReceivedMessage } from "./received_message.ts";

/** A longer payload is shared, in bytes. */
const WORTH_SHARING_BYTES = 64 * 1024;

/** The last message of each topic whose payload is large, while it is held elsewhere. */
export class SharedPayloads {
  readonly #last = new Map<string, WeakRef<ReceivedMessage>>();

  /** Returns the message, with the payload of the last one on its topic where that is the same. */
  share(message: ReceivedMessage): ReceivedMessage {
    const { topic, payload, payloadBytes } = message;
    if (payloadBytes <= WORTH_SHARING_BYTES || typeof payload !== "string") return message;
    const last = this.#last.get(topic)?.deref();
    const shared = last?.payload === payload ? { ...message, payload: last.payload } : message;
    for (const [other, one] of this.#last) if (one.deref() === undefined) this.#last.delete(other);
    this.#last.set(topic, new WeakRef(shared));
    return shared;
  }
}
