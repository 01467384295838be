/** Clock whose time and timers advance only by `pass()`. */
export class FakeTimers {
  /** Number of timers started. */
  started = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();
  #time = 0;

  /** Number of timers that are yet to run. */
  get pending(): number {
    return this.#timers.size;
  }

  monotonic(): number {
    return this.#time;
  }

  after(ms: number, run: () => void): () => void {
    this.started += 1;
    const timer = { at: this.#time + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Advances the time, in milliseconds, and runs the timers that were due before. */
  pass(ms: number): void {
    this.#time += ms;
    for (const timer of [...this.#timers].sort((one, other) => one.at - other.at)) {
      if (timer.at <= this.#time && this.#timers.delete(timer)) timer.run();
    }
  }
}
