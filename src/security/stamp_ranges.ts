/**
 * Which timestamps have been seen, without keeping each of them.
 *
 * @module
 */

/** A few ranges of time that hold all timestamps that were added, and as little else as that allows. */
export class StampRanges {
  /** From the oldest to the newest. */
  #ranges: { readonly from: number; to: number }[] = [];

  /** Adds a timestamp. */
  add(timestamp: number): void {
    if (this.includes(timestamp)) return;
    const next = this.#ranges.findIndex(({ from }) => from > timestamp);
    this.#ranges.splice(next === -1 ? this.#ranges.length : next, 0, { from: timestamp, to: timestamp });
    if (this.#ranges.length > MAX_RANGES) this.#closeNarrowestGap();
  }

  /** Whether a timestamp may have been added; false only if it was not. */
  includes(timestamp: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= timestamp && timestamp <= to);
  }

  /** Makes another one with the same ranges. */
  copy(): StampRanges {
    const other = new StampRanges();
    other.#ranges = this.#ranges.map((range) => ({ ...range }));
    return other;
  }

  #closeNarrowestGap(): void {
    let narrowest = { index: 0, gap: Infinity };
    for (let index = 0; index + 1 < this.#ranges.length; index++) {
      const gap = (this.#ranges[index + 1]?.from ?? Infinity) - (this.#ranges[index]?.to ?? -Infinity);
      if (gap < narrowest.gap) narrowest = { index, gap };
    }
    const [absorbed] = this.#ranges.splice(narrowest.index + 1, 1);
    const widened = this.#ranges[narrowest.index];
    if (absorbed !== undefined && widened !== undefined) widened.to = absorbed.to;
  }
}

/** The gaps between them are the widest: more than a clock is ever set by mistake, and few to look through. */
const MAX_RANGES = 16;
