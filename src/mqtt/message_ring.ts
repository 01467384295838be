/**
 * Keeping the last messages for listeners that come back.
 *
 * @module
 */

/** How much a ring holds at most. With either of them 0 it holds nothing. */
export interface MessageRingLimits {
  /** Bytes of all held messages together. */
  readonly maxBytes: number;
  /** Number of held messages, a whole number. */
  readonly maxCount: number;
}

interface Slot<T> {
  readonly offset: number;
  readonly bytes: number;
  readonly message: T;
}

/** The last messages in order of their offsets. The oldest make room for the newest. */
export class MessageRing<T> {
  readonly #maxBytes: number;
  readonly #maxCount: number;
  /** Grows up to `maxCount`, after that the places are used over and over. */
  readonly #slots: (Slot<T> | undefined)[] = [];
  #oldest = 0;
  #size = 0;
  #bytes = 0;
  #floor = -1;

  /** Makes an empty ring. */
  constructor({ maxBytes, maxCount }: MessageRingLimits) {
    this.#maxBytes = maxBytes;
    // Empty messages would fit into no bytes at all.
    this.#maxCount = maxBytes > 0 ? maxCount : 0;
  }

  /** Number of held messages. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of all held messages together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Greatest offset that is no longer held, or -1: every message that was pushed with a greater one still is. */
  get floor(): number {
    return this.#floor;
  }

  /**
   * Adds the newest message. A message too large for the ring is not held and empties it, because what is held must
   * reach up to the newest message without a hole.
   *
   * @param offset greater than all before, not necessarily by one
   * @param bytes what the message counts against the limit
   */
  push(offset: number, bytes: number, message: T): void {
    while (this.#size > 0 && !this.#hasRoomFor(bytes)) this.#evict();
    if (!this.#hasRoomFor(bytes)) {
      this.#floor = offset;
      return;
    }
    this.#slots[this.#place(this.#size)] = { offset, bytes, message };
    this.#size++;
    this.#bytes += bytes;
  }

  /**
   * Yields the messages whose offset is greater, in order. Read it to the end before the next `push()`, which may
   * move the messages under it.
   */
  *after(offset: number): Generator<T, void, void> {
    for (let index = this.#firstAfter(offset); index < this.#size; index++) {
      const slot = this.#slots[this.#place(index)];
      if (slot) yield slot.message;
    }
  }

  #firstAfter(offset: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const slot = this.#slots[this.#place(middle)];
      if (slot && slot.offset > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#size < this.#maxCount && this.#bytes + bytes <= this.#maxBytes;
  }

  #evict(): void {
    const slot = this.#slots[this.#oldest];
    // The place may stay unused for long: it must not keep the message alive.
    this.#slots[this.#oldest] = undefined;
    this.#oldest = this.#place(1);
    this.#size--;
    if (!slot) return;
    this.#bytes -= slot.bytes;
    this.#floor = slot.offset;
  }

  /** Where in the array the message is that has so many older ones before it. */
  #place(index: number): number {
    return (this.#oldest + index) % this.#maxCount;
  }
}
