/**
 * Flow control of publishes (MQTT 5, section 4.9): beyond its receive maximum, a broker may close the connection.
 *
 * @module
 */

/** Counter of unacknowledged messages, with a queue of those that wait. */
export class SendWindow {
  readonly #size: number;
  readonly #queue = new Set<() => void>();
  #unacknowledged = 0;
  #isSending = false;

  /** Makes a window for a number of unacknowledged messages. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `send` at once, or as soon as there is room. Each call must be followed by one {@linkcode release}. */
  enqueue(send: () => void): void {
    this.#queue.add(send);
    this.#sendQueued();
  }

  /** Removes a message from the queue; returns false if it was sent already. */
  cancel(send: () => void): boolean {
    return this.#queue.delete(send);
  }

  /** Makes room for the next message. */
  release(): void {
    this.#unacknowledged -= 1;
    this.#sendQueued();
  }

  #sendQueued(): void {
    // A send may release at once: a loop handles any number of those, recursion would overflow the stack.
    if (this.#isSending) return;
    this.#isSending = true;
    for (const send of this.#queue) {
      if (this.#unacknowledged >= this.#size) break;
      this.#queue.delete(send);
      this.#unacknowledged += 1;
      send();
    }
    this.#isSending = false;
  }
}
