/**
 * Events on their way to listeners.
 *
 * @module
 */
import type { Bytes } from "../protocol/bytes.ts";
import { sealedLength } from "../protocol/v1/envelope.ts";
import type { Position } from "../protocol/event.ts";

/** What a record of version 1 has besides the envelope. */
const RECORD_BYTES = "data: \n\n".length;

/** Text of a large event: written anew for each listener, and not kept for those that wait. */
export interface LargeText {
  /** How long it is, in bytes. */
  readonly length: number;
  /** Writes it. */
  encode(): Bytes;
}

/** One event for the listeners of one key. */
export class OutgoingEvent {
  readonly #text: Bytes | LargeText;
  /** Where a listener that got it goes on. */
  readonly position: Position | undefined;
  readonly #seal: () => Promise<Uint8Array>;
  #record: Uint8Array | Promise<Uint8Array> | undefined;

  /**
   * Makes an event that is sealed when somebody wants it.
   *
   * @param text its JSON text, in UTF-8
   * @param seal makes its record in streams of version 1
   */
  constructor(
    text: Bytes | LargeText,
    { position, seal }: { readonly position: Position | undefined; readonly seal: () => Promise<Uint8Array> },
  ) {
    this.#text = text;
    this.position = position;
    this.#seal = seal;
  }

  /** Length of its text, in bytes. */
  get length(): number {
    return this.#text.length;
  }

  /** Its JSON text, in UTF-8. */
  get plaintext(): Bytes {
    return this.#text instanceof Uint8Array ? this.#text : this.#text.encode();
  }

  /** Length of its record, in bytes: exact in version 1, about as much in version 2. */
  get size(): number {
    return sealedLength(this.length) + RECORD_BYTES;
  }

  /**
   * Its record in streams of version 1, the same one for all listeners of the key; a promise of it, while it is being
   * sealed. That of a large event is not kept.
   */
  sharedRecord(): Uint8Array | Promise<Uint8Array> {
    if (!(this.#text instanceof Uint8Array)) return this.#seal();
    return this.#record ??= this.#seal().then((record) => this.#record = record);
  }
}
