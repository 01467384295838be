/**
 * The order of all messages that came from brokers, and the last of them for listeners that come back.
 *
 * @module
 */
import type { Position } from "../protocol/event.ts";
import { MessageRing } from "./message_ring.ts";
import { heldBytes, MESSAGE_OVERHEAD_BYTES, type ReceivedMessage } from "./received_message.ts";

/** A message that is kept, and what is needed to tell for whom it was. */
export interface KeptMessage {
  /** The message. */
  readonly message: ReceivedMessage;
  /** Who got it: messages of one broker are nothing for listeners of another. */
  readonly source: object;
  /** The subscriptions that this delivery was for; undefined for all that match. */
  readonly subscriptions: readonly number[] | undefined;
}

/** How much a log keeps. */
export interface MessageLogOptions {
  /** The name of this order of messages, which no other one may have. */
  readonly epoch: string;
  /** Most bytes of messages to keep. */
  readonly maxBytes: number;
}

/** One order for the messages of all brokers, and one bound for the memory that they take. */
export class MessageLog {
  readonly #epoch: string;
  readonly #ring: MessageRing<KeptMessage>;
  #offset = 0;

  /** Makes an empty log. */
  constructor({ epoch, maxBytes }: MessageLogOptions) {
    this.#epoch = epoch;
    this.#ring = new MessageRing({ maxBytes, maxCount: Math.ceil(maxBytes / MESSAGE_OVERHEAD_BYTES) });
  }

  /** Position of the last message. */
  get position(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  /** Bytes that the kept messages take. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  /** Gives out the next position: to a message, or to mark when something happened. */
  next(): Position {
    this.#offset += 1;
    return this.position;
  }

  /** Keeps a message, as long as there is room. Its position has to be the last one given. */
  keep(kept: KeptMessage): void {
    this.#ring.push(kept.message.position.offset, heldBytes(kept.message), kept);
  }

  /** Tells whether a position is one of this log's. */
  knows({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset <= this.#offset;
  }

  /** Tells whether all messages after an offset are still there. */
  reaches(offset: number): boolean {
    return this.#ring.floor <= offset;
  }

  /** Yields what is kept of one source after an offset, in order; to be read before the next message comes. */
  *after(offset: number, source: object): Generator<KeptMessage, void, void> {
    for (const kept of this.#ring.after(offset)) {
      if (kept.source === source) yield kept;
    }
  }
}
