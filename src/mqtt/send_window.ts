/**
 * How many messages a broker takes before it acknowledges the first (MQTT 5, section 4.9): one more, and it may end
 * the connection.
 *
 * @module
 */

/** A count of what is sent and not acknowledged, and a queue of what has to wait. */
export class SendWindow {
  readonly #size: number;
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  #isSending = false;

  /** Makes a window that takes so many at a time. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Sends at once, or as soon as others have left. Each one sent has to {@linkcode leave}. */
  enter(send: () => void): void {
    this.#waiting.add(send);
    this.#send();
  }

  /** Takes back what still waits; tells whether it did. */
  cancel(send: () => void): boolean {
    return this.#waiting.delete(send);
  }

  /** Makes room for the next one. */
  leave(): void {
    this.#underWay -= 1;
    this.#send();
  }

  #send(): void {
    // What is sent may leave at once. A loop bears any number of those, where calls within calls would not.
    if (this.#isSending) return;
    this.#isSending = true;
    for (const send of this.#waiting) {
      if (this.#underWay >= this.#size) break;
      this.#waiting.delete(send);
      this.#underWay += 1;
      send();
    }
    this.#isSending = false;
  }
}
