/**
 * Backpressure of the streams: brokers wait while too many events are being sealed or were just handed over.
 *
 * @module
 */
import { Mutex } from "../lib/async.ts";
import { LARGE_EVENT_BYTES } from "./outgoing_event.ts";

/** Most bytes of events that are sealed at a time before brokers wait. */
const MAX_SEALING_BYTES = 64 * 1024;

/**
 * Most bytes of events to hand over before the sockets are served: more would pile up in healthy queues. In version 2 a
 * message counts for each listener that waits for it, as it is sealed for each.
 */
const MAX_TURN_BYTES = 64 * 1024;

/** Gauge of the bytes that are being sealed and handed over. */
export class Backpressure {
  #turnBytes = 0;
  #sealingBytes = 0;
  #sealed: PromiseWithResolvers<void> | undefined;
  #relief: Promise<void> | undefined;
  readonly #largeSealing = new Mutex();

  /** Counts bytes that are handed over in this iteration of the event loop, or sealed at its end. */
  add(bytes: number): void {
    this.#turnBytes += bytes;
  }

  /** Seals an event, and counts its bytes meanwhile. Large ones are sealed one at a time: each takes several times its length. */
  async seal(bytes: number, seal: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#sealingBytes += bytes;
    if (this.#sealingBytes > MAX_SEALING_BYTES) this.#sealed ??= Promise.withResolvers();
    try {
      return await (bytes <= LARGE_EVENT_BYTES ? seal() : this.#largeSealing.runExclusive(seal));
    } finally {
      this.#sealingBytes -= bytes;
      if (this.#sealingBytes <= MAX_SEALING_BYTES) {
        this.#sealed?.resolve();
        this.#sealed = undefined;
      }
    }
  }

  /** Returns a promise to wait for before the next message; undefined while there is no backpressure. */
  relief(): Promise<void> | undefined {
    if (this.#turnBytes <= MAX_TURN_BYTES && this.#sealingBytes <= MAX_SEALING_BYTES) return undefined;
    return this.#relief ??= this.#waitForRelief();
  }

  async #waitForRelief(): Promise<void> {
    do {
      await new Promise<void>((resolve) => setTimeout(resolve));
      await this.#sealed?.promise;
    } while (this.#sealingBytes > MAX_SEALING_BYTES);
    this.#turnBytes = 0;
    this.#relief = undefined;
  }
}
