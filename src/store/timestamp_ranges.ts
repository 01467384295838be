/**
 * Which timestamps have been seen, without keeping each of them.
 *
 * @module
 */

/** A few ranges of time that hold all timestamps that were added, and as little else as that allows. */
export class TimestampRanges {
  /** From the oldest to the newest. */
  #ranges: { readonly from: number; to: number }[] = [];

  /** Adds a timestamp. */
  add(timestamp: number): void {
    if (this.includes(timestamp)) return;
    const next = this.#ranges.findIndex(({ from }) => from > timestamp);
    this.#ranges.splice(next === -1 ? this.#ranges.length : next, 0, { from: timestamp, to: timestamp });
    if (this.#ranges.length > MAX_RANGES) this.#closeGap();
  }

  /** Whether a timestamp may have been added; false only if it was not. */
  includes(timestamp: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= timestamp && timestamp <= to);
  }

  /** Makes another one with the same ranges. */
  copy(): TimestampRanges {
    const other = new TimestampRanges();
    other.#ranges = this.#ranges.map((range) => ({ ...range }));
    return other;
  }

  /** Closes the gap that matters least: a narrow one, or one of long ago, to which no clock goes back. */
  #closeGap(): void {
    const newest = this.#ranges.at(-1)?.to ?? 0;
    let least = { index: 0, weight: Infinity };
    for (let index = 0; index + 1 < this.#ranges.length; index++) {
      const until = this.#ranges[index + 1]?.from ?? Infinity;
      const weight = (until - (this.#ranges[index]?.to ?? -Infinity)) / (newest - until + 1);
      if (weight < least.weight) least = { index, weight };
    }
    const [absorbed] = this.#ranges.splice(least.index + 1, 1);
    const widened = this.#ranges[least.index];
    if (absorbed !== undefined && widened !== undefined) widened.to = absorbed.to;
  }
}

/** Enough for a clock that was set wrong some times within a day, and few to look through. */
const MAX_RANGES = 16;
