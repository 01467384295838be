/** Clock that advances only by `pass()`, with timers of its own. */
import type { Clock } from "../../src/lib/clock.ts";

/** Clock for code that is given one; see `FakeTime` for code that uses the global timers. */
export class ManualClock implements Clock {
  readonly #timers = new Map<object, { readonly at: number; readonly run: () => void }>();
  #ms = 0;

  /** Number of pending timers. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  after(ms: number, run: () => void): () => void {
    const id = {};
    this.#timers.set(id, { at: this.#ms + ms, run });
    return () => void this.#timers.delete(id);
  }

  /** Advances the clock at once, and then runs the timers that are due, in milliseconds. */
  pass(ms: number): void {
    this.#ms += ms;
    for (const [id, { at, run }] of [...this.#timers].sort(([, one], [, other]) => one.at - other.at)) {
      if (at <= this.#ms && this.#timers.delete(id)) run();
    }
  }
}
