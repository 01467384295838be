/** Chance that can be had again: the same seed draws the same. */

/** Draws from a seed; good enough to find faults with, and not for secrets. */
export class Seeded {
  #state: number;

  /** Begins at a seed, and at a place in it, so that each of many things can be drawn by itself. */
  constructor(seed: number, place = 0) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(place + 1, 0xc2b2ae35)) >>> 0;
    this.draw();
  }

  /** From 0 up to but not including 1. */
  draw(): number {
    // SplitMix with 32 bits: a counter whose bits are mixed.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to but not including a limit. */
  below(limit: number): number {
    return Math.floor(this.draw() * limit);
  }

  /** Whether something happens that has a share of all cases. */
  chance(share: number): boolean {
    return this.draw() < share;
  }

  /** One of some things. */
  pick<T>(things: readonly T[]): T {
    const thing = things[this.below(things.length)];
    if (thing === undefined) throw new RangeError("Nothing to pick from");
    return thing;
  }

  /** One of some things, each as often as its weight says. */
  weigh<T>(things: readonly (readonly [weight: number, thing: T])[]): T {
    let at = this.draw() * things.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, thing] of things) {
      at -= weight;
      if (at < 0) return thing;
    }
    return this.pick(things)[1];
  }

  /** Bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
