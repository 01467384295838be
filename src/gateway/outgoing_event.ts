/**
 * Events on their way to listeners.
 *
 * @module
 */
import type { Bytes } from "../protocol/bytes.ts";
import { sealedLength } from "../protocol/envelope.ts";
import type { Position } from "../protocol/event.ts";

/** What a record of version 1 has besides the envelope. */
const RECORD_BYTES = "data: \n\n".length;

/** One event for the listeners of one key. */
export class OutgoingEvent {
  /** Its JSON text, in UTF-8. */
  readonly plaintext: Bytes;
  /** Where a listener that got it goes on. */
  readonly position: Position | undefined;
  readonly #seal: () => Promise<Uint8Array>;
  #record: Uint8Array | Promise<Uint8Array> | undefined;

  /**
   * Makes an event that is sealed when somebody wants it.
   *
   * @param seal makes its record in streams of version 1
   */
  constructor(
    plaintext: Bytes,
    { position, seal }: { readonly position: Position | undefined; readonly seal: () => Promise<Uint8Array> },
  ) {
    this.plaintext = plaintext;
    this.position = position;
    this.#seal = seal;
  }

  /** Length of its record, in bytes: exact in version 1, about as much in version 2. */
  get size(): number {
    return sealedLength(this.plaintext.length) + RECORD_BYTES;
  }

  /**
   * Its record in streams of version 1, the same one for all listeners of the key; a promise of it, while it is being
   * sealed.
   */
  sharedRecord(): Uint8Array | Promise<Uint8Array> {
    return this.#record ??= this.#seal().then((record) => this.#record = record);
  }
}
