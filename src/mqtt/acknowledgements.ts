/**
 * Acknowledgements of messages of QoS 1, in the order of the messages (MQTT 5, section 4.6).
 *
 * @module
 */

/** Most bytes of messages that wait for their acknowledgement; one may exceed it. */
const MAX_PENDING_BYTES = 2 ** 20;

/** Configuration of the acknowledgements of one connection. */
export interface AcknowledgementsOptions {
  /** Most messages that wait for their acknowledgement. */
  readonly max: number;
  /** Sends an acknowledgement. */
  readonly acknowledge: (packetId: number) => void;
  /** Called when a message is not taken: neither it nor any after it is acknowledged. */
  readonly onNotTaken: (error: unknown) => void;
}

/** Message that was received. */
export interface Received {
  /** Packet identifier. */
  readonly packetId: number;
  /** Length of its payload, in bytes. */
  readonly bytes: number;
  /** Resolves once the message is taken; undefined if it is. */
  readonly taken: Promise<void> | undefined;
}

/** Acknowledges messages once they are taken, while more of them are received. */
export class Acknowledgements {
  readonly #options: AcknowledgementsOptions;
  /** Settles with the last acknowledgement. */
  #last: Promise<void> = Promise.resolve();
  #pending = 0;
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /** Makes it without messages. */
  constructor(options: AcknowledgementsOptions) {
    this.#options = options;
  }

  /**
   * Acknowledges a message once it, and all before it, are taken.
   *
   * @returns promise that resolves when another may be received; undefined if it may be at once
   */
  add({ packetId, bytes, taken }: Received): Promise<void> | undefined {
    const { max, acknowledge, onNotTaken } = this.#options;
    this.#pending += 1;
    this.#bytes += bytes;
    this.#last = Promise.all([this.#last, taken]).then(() => {
      this.#pending -= 1;
      this.#bytes -= bytes;
      acknowledge(packetId);
      this.#room?.resolve();
      this.#room = undefined;
    });
    this.#last.catch(onNotTaken);
    if (this.#pending < max && this.#bytes < MAX_PENDING_BYTES) return undefined;
    this.#room = Promise.withResolvers();
    return this.#room.promise;
  }
}
