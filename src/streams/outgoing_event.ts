/**
 * Events on their way to listeners.
 *
 * @module
 */
import type { Bytes } from "../protocol/bytes.ts";
import { sealedLength } from "../protocol/v1/envelope.ts";
import type { Position } from "../protocol/event.ts";
import { RECORD_BYTES } from "./sse_format.ts";

/** Length in bytes from which an event is large: it is sealed alone, and its record counts against a limit. */
export const LARGE_EVENT_BYTES = 2 ** 20;

/** Text of a large event: encoded anew for each listener, and not kept for those that wait. */
export interface LargeText {
  /** Length in bytes. */
  readonly length: number;
  /** Returns the text in UTF-8. */
  encode(): Bytes;
}

/** Kind and position of an event, and the function that seals it. */
export interface OutgoingEventOptions {
  /** Whether it is of type `message`, and its text begins with the type: such events may be sent together. */
  readonly isMessage: boolean;
  /** Position from which a listener that received the event resumes. */
  readonly position: Position | undefined;
  /** Returns the event's record in streams of version 1. */
  readonly seal: () => Promise<Uint8Array>;
}

/** Event for the listeners of one key, sealed when it is first needed. */
export class OutgoingEvent {
  readonly #text: Bytes | LargeText;
  /** Whether it is of type `message`. */
  readonly isMessage: boolean;
  /** Position from which a listener that received the event resumes. */
  readonly position: Position | undefined;
  readonly #seal: () => Promise<Uint8Array>;
  #record: Uint8Array | Promise<Uint8Array> | undefined;

  /** Creates an event from its JSON text in UTF-8. */
  constructor(text: Bytes | LargeText, { isMessage, position, seal }: OutgoingEventOptions) {
    this.#text = text;
    this.isMessage = isMessage;
    this.position = position;
    this.#seal = seal;
  }

  /** Length of the text, in bytes. */
  get length(): number {
    return this.#text.length;
  }

  /** JSON text, in UTF-8. */
  get plaintext(): Bytes {
    return this.#text instanceof Uint8Array ? this.#text : this.#text.encode();
  }

  /** Length of the record, in bytes: exact in version 1, approximate in version 2. */
  get size(): number {
    return sealedLength(this.length) + RECORD_BYTES;
  }

  /**
   * Returns the record in streams of version 1, shared by all listeners of the key; a promise of it while it is being
   * sealed. The record of a large event is not kept.
   */
  sharedRecord(): Uint8Array | Promise<Uint8Array> {
    if (!(this.#text instanceof Uint8Array)) return this.#seal();
    return this.#record ??= this.#seal().then((record) => this.#record = record);
  }
}
