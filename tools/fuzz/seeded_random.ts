/** Reproducible random values. */

/** Pseudo-random generator with a seed; not for secrets. */
export class SeededRandom {
  #state: number;

  /** @param index selects an independent sequence of the seed */
  constructor(seed: number, index = 0) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0;
    this.next();
  }

  /** Returns a number from 0 up to but not including 1. */
  next(): number {
    // SplitMix with 32 bits: a counter whose bits are mixed.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** Returns a whole number from 0 up to but not including a limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Returns true with a probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Returns one of some values. */
  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError("No values to pick from");
    return value;
  }

  /** Returns one of some values, each with a probability proportional to its weight. */
  pickWeighted<T>(values: readonly (readonly [weight: number, value: T])[]): T {
    let at = this.next() * values.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of values) {
      at -= weight;
      if (at < 0) return value;
    }
    return this.pick(values)[1];
  }

  /** Returns random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
