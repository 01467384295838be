/** Bytes on their way: each is delivered when its time has come, in order. */
import { setTimeout as pause } from "node:timers/promises";

/** How a piece travels. */
export interface Delay {
  /** How long it is on its way, in milliseconds. */
  readonly latencyMs?: number;
  /** How much longer or shorter that may be by chance, in milliseconds. */
  readonly jitterMs?: number;
  /** Most bytes in a second. */
  readonly bytesPerSecond?: number;
  /** Pause after the piece, in milliseconds. */
  readonly slicePauseMs?: number;
}

/** Most bytes on their way: who sends more has to wait, as on a real line. */
const MAX_BYTES = 1024 * 1024;

/** A line with latency, jitter and bandwidth. */
export class DelayLine {
  readonly #deliver: (piece: Uint8Array) => Promise<void> | undefined;
  readonly #left: AbortSignal;
  #last: Promise<void> = Promise.resolve();
  #bytes = 0;
  #room = Promise.withResolvers<void>();
  /** When the piece before is through the narrow part, and when it arrives. */
  #free = 0;
  #due = 0;

  /**
   * Makes a line that is empty.
   *
   * @param deliver takes a piece at the end of the line; the next one waits for it
   * @param left ends all waiting: what is on its way is lost
   */
  constructor(deliver: (piece: Uint8Array) => Promise<void> | undefined, left: AbortSignal) {
    this.#deliver = deliver;
    this.#left = left;
  }

  /** Puts a piece on the line, as soon as there is room. */
  async send(piece: Uint8Array, delay: Delay): Promise<void> {
    while (this.#bytes >= MAX_BYTES && !this.#left.aborted) await this.#room.promise;
    this.#bytes += piece.length;
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond = Infinity, slicePauseMs = 0 } = delay;
    this.#free = Math.max(performance.now(), this.#free) + piece.length / bytesPerSecond * 1000 + slicePauseMs;
    const travel = Math.max(0, latencyMs + (2 * Math.random() - 1) * jitterMs);
    this.#due = Math.max(this.#due, this.#free - slicePauseMs + travel);
    this.#last = this.#arrive(piece, this.#due, this.#last);
  }

  async #arrive(piece: Uint8Array, due: number, before: Promise<void>): Promise<void> {
    await before;
    const ms = due - performance.now();
    if (ms > 0) await pause(ms, undefined, { signal: this.#left }).catch(() => {});
    if (!this.#left.aborted) await this.#deliver(piece);
    this.#bytes -= piece.length;
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }

  /** Settles when everything has arrived. */
  empty(): Promise<void> {
    return this.#last;
  }
}
