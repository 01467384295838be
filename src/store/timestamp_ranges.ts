/**
 * Set of timestamps of limited size.
 *
 * @module
 */

/** Most ranges: enough for a clock that is set several times a day, and few to search. */
const MAX_RANGES = 16;

/** Approximate set of timestamps: at most 16 ranges that include all added timestamps, and as few others as possible. */
export class TimestampRanges {
  /** In order of time. */
  #ranges: { readonly from: number; to: number }[] = [];

  /** Latest timestamp; -Infinity if there is none. */
  get last(): number {
    return this.#ranges.at(-1)?.to ?? -Infinity;
  }

  /** Adds a timestamp. */
  add(timestamp: number): void {
    if (this.includes(timestamp)) return;
    const next = this.#ranges.findIndex(({ from }) => from > timestamp);
    this.#ranges.splice(next === -1 ? this.#ranges.length : next, 0, { from: timestamp, to: timestamp });
    if (this.#ranges.length > MAX_RANGES) this.#closeGap();
  }

  /** Returns whether a timestamp may have been added; false only if it was not. */
  includes(timestamp: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= timestamp && timestamp <= to);
  }

  /** Returns a copy. */
  copy(): TimestampRanges {
    const other = new TimestampRanges();
    other.#ranges = this.#ranges.map((range) => ({ ...range }));
    return other;
  }

  /** Merges the two ranges whose gap is narrowest in relation to its age: clocks are rarely set back far. */
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
