/**
 * Cache of the events of recent messages, by message and key: listeners of a key need the same ones, at once or when they
 * resume.
 *
 * @module
 */
import type { Key } from "../keys/keyring.ts";
import { FifoQueue } from "../lib/fifo_queue.ts";
import type { OutgoingEvent } from "./outgoing_event.ts";
import type { SharedMessage } from "./shared_message.ts";

/** Most bytes of events to keep: all that the listeners of a household missed during a disconnection. */
const MAX_SHARED_BYTES = 4 * 2 ** 20;

/** Memory of an entry besides its payload and events, in bytes. */
const SHARED_OVERHEAD_BYTES = 512;

/** Message and its events. */
export interface CachedMessage {
  /** Events by the key that receives them. */
  readonly byKey: Map<Key, KeyEvents>;
  /** Memory that the entry takes, in bytes. */
  bytes: number;
}

/** Events of a message for the listeners of one key. */
export interface KeyEvents {
  /** Whether the key may receive the message. */
  readonly isAllowed: boolean;
  /** Events by quality of service. */
  readonly byQos: OutgoingEvent[];
}

/** Cache that evicts its oldest messages beyond a number of bytes. */
export class EventCache {
  readonly #messages = new Map<SharedMessage, CachedMessage>();
  /** The messages, the oldest first: to find the first key of a Map takes longer, the more were deleted before it. */
  readonly #order = new FifoQueue<SharedMessage>();
  /** Entry that was used last: a message is passed on to one listener after another. */
  #last: { readonly message: SharedMessage; readonly entry: CachedMessage } | undefined;
  #bytes = 0;

  /** Memory of all entries, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns the entry of a message; undefined if there is none. */
  get(message: SharedMessage): CachedMessage | undefined {
    if (this.#last?.message === message) return this.#last.entry;
    const entry = this.#messages.get(message);
    if (entry !== undefined) this.#last = { message, entry };
    return entry;
  }

  /** Adds a message, which has no entry yet, without events. */
  add(message: SharedMessage): CachedMessage {
    const entry: CachedMessage = { byKey: new Map(), bytes: 0 };
    this.#messages.set(message, entry);
    this.#order.push(message);
    this.grow(entry, message.payloadBytes + SHARED_OVERHEAD_BYTES);
    this.#last = { message, entry };
    return entry;
  }

  /** Counts more bytes for an entry, and evicts the oldest other entries beyond the limit. */
  grow(entry: CachedMessage, bytes: number): void {
    entry.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > MAX_SHARED_BYTES) {
      const message = this.#order.first;
      const oldest = message && this.#messages.get(message);
      if (message === undefined || oldest === undefined || oldest === entry) return;
      this.#order.shift();
      this.#messages.delete(message);
      this.#bytes -= oldest.bytes;
    }
  }
}
