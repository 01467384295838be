/**
 * Deadlines of many operations, checked by one timer.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** Default for how late a deadline may expire, in milliseconds: little beside the seconds that operations may take. */
const RESOLUTION_MS = 250;

/** Deadline of an operation. */
export interface Deadline {
  /** Cancels it; has no effect once it has expired or was cancelled. */
  clear(): void;
}

/**
 * Coarse deadlines: a timer wheel. Adding and clearing one takes constant time and starts no timer of its own, unlike
 * `setTimeout()`; in return it expires up to one resolution late, never early. One timer runs while any is pending.
 */
export class Deadlines {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  readonly #resolutionMs: number;
  /** Pending deadlines by the number of the tick at which they expire. */
  readonly #slots = new Map<number, Set<Entry>>();
  #size = 0;
  /** Last tick whose deadlines have expired. */
  #tick = 0;
  #stopTimer = () => {};

  /**
   * Creates an empty wheel.
   *
   * @param resolutionMs longest time that a deadline may expire late, in milliseconds
   */
  constructor(clock: Pick<Clock, "monotonic" | "after">, resolutionMs: number = RESOLUTION_MS) {
    this.#clock = clock;
    this.#resolutionMs = resolutionMs;
  }

  /**
   * Keeps the timer running while nothing is pending: starting and stopping it costs more than a deadline.
   *
   * @returns the function that ends this
   */
  keepTimer(): () => void {
    const kept = this.add(Infinity, () => {});
    return () => kept.clear();
  }

  /** Number of pending deadlines. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a deadline.
   *
   * @param ms milliseconds until it expires
   * @param onExpire called once, unless the deadline is cleared before; must not throw
   */
  add(ms: number, onExpire: () => void): Deadline {
    const now = this.#clock.monotonic();
    if (this.#size === 0) this.#start(now);
    const tick = Math.max(this.#tick + 1, Math.ceil((now + ms) / this.#resolutionMs));
    let slot = this.#slots.get(tick);
    if (slot === undefined) this.#slots.set(tick, slot = new Set());
    this.#size += 1;
    return new Entry(slot, onExpire, this.#onRemove);
  }

  readonly #onRemove = () => {
    this.#size -= 1;
    if (this.#size === 0) this.#stopTimer();
  };

  #start(now: number): void {
    const tick = Math.floor(now / this.#resolutionMs);
    // The slots are empty, but may be used again.
    if (tick !== this.#tick) this.#slots.clear();
    this.#tick = tick;
    this.#startTimer(now);
  }

  /** Starts the timer of the next tick. */
  #startTimer(now: number): void {
    this.#stopTimer();
    this.#stopTimer = this.#clock.after(this.#resolutionMs - now % this.#resolutionMs, () => this.#advance());
  }

  #advance(): void {
    const last = Math.floor(this.#clock.monotonic() / this.#resolutionMs);
    while (this.#tick < last) {
      this.#tick += 1;
      const slot = this.#slots.get(this.#tick) ?? [];
      this.#slots.delete(this.#tick);
      for (const entry of slot) entry.expire();
    }
    if (this.#size > 0) this.#startTimer(this.#clock.monotonic());
  }
}

/** Pending deadline, in the slot of its tick. */
class Entry implements Deadline {
  readonly #slot: Set<Entry>;
  readonly #onExpire: () => void;
  readonly #onRemove: () => void;

  constructor(slot: Set<Entry>, onExpire: () => void, onRemove: () => void) {
    this.#slot = slot.add(this);
    this.#onExpire = onExpire;
    this.#onRemove = onRemove;
  }

  clear(): void {
    if (this.#slot.delete(this)) this.#onRemove();
  }

  expire(): void {
    this.clear();
    this.#onExpire();
  }
}
