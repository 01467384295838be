/** Global clock and timers that advance only by `pass()`. */
export class FakeTime {
  readonly #real = { now: Date.now, setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  readonly #timers = new Map<number, { at: number; run: () => void }>();
  #monotonic = 0;
  #wall = 1_700_000_000_000;
  #next = 1;

  constructor() {
    Date.now = () => this.#wall;
    globalThis.setTimeout = Object.assign((run: () => void, ms = 0) => {
      this.#timers.set(this.#next, { at: this.#monotonic + ms, run });
      return this.#next++;
    }, this.#real.setTimeout);
    globalThis.clearTimeout = (id) => void this.#timers.delete(Number(id));
  }

  /** Advances the clock and the timers, in milliseconds. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
    for (const [id, { at, run }] of [...this.#timers].sort(([, one], [, other]) => one.at - other.at)) {
      if (at > this.#monotonic || !this.#timers.delete(id)) continue;
      run();
    }
  }

  /** Sets the wall clock back without affecting timers, in milliseconds. */
  setBack(ms: number): void {
    this.#wall -= ms;
  }

  [Symbol.dispose](): void {
    Date.now = this.#real.now;
    globalThis.setTimeout = this.#real.setTimeout;
    globalThis.clearTimeout = this.#real.clearTimeout;
  }
}
