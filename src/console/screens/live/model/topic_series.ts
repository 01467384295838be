/**
 * Course of one value: times and numbers, in memory that is bounded for each series and for all together.
 *
 * @module
 */

/** Most points of one series. */
export const MAX_POINTS = 5000;

/** Points of a new series. */
const FIRST_POINTS = 32;

/** Points that all series together may still take, but for those that are shown. */
export class PointBudget {
  #left: number;

  /** Makes a budget; by default 16 MB. */
  constructor(points = 500_000) {
    this.#left = points;
  }

  /** Takes points, all or none. Returns whether there were enough. */
  take(points: number): boolean {
    if (points > this.#left) return false;
    this.#left -= points;
    return true;
  }

  /** Gives points back. */
  release(points: number): void {
    this.#left += points;
  }
}

/**
 * Ring of the newest points. Its arrays are twice as long as the ring, so that the points always lie in a row: they are
 * drawn without being copied.
 */
export class TopicSeries {
  readonly #budget: PointBudget;
  #times = new Float64Array(0);
  #values = new Float64Array(0);
  #capacity = 0;
  #start = 0;
  #end = 0;
  #isShown = false;

  /** Makes an empty series. */
  constructor(budget: PointBudget) {
    this.#budget = budget;
  }

  /** Number of points. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Times in ascending order, in milliseconds since 1970; valid until the next point. */
  get times(): Float64Array {
    return this.#times.subarray(this.#start, this.#end);
  }

  /** Values in the order of the times; valid until the next point. */
  get values(): Float64Array {
    return this.#values.subarray(this.#start, this.#end);
  }

  /** Adds a point; one that is older than the last counts as at the same time. Drops the oldest where it is full. */
  push(at: number, value: number): void {
    if (this.length === this.#capacity && !this.#grow()) {
      if (this.#capacity === 0) return;
      this.#start += 1;
    }
    if (this.#end === this.#times.length) this.#moveToFront();
    const last = this.length === 0 ? at : this.#times[this.#end - 1] ?? at;
    this.#times[this.#end] = Math.max(at, last);
    this.#values[this.#end] = value;
    this.#end += 1;
  }

  /** Takes its points from no budget from now on, so that it can grow: the caller bounds how many are shown. */
  show(): void {
    if (this.#isShown) return;
    this.#isShown = true;
    this.#budget.release(this.#capacity);
  }

  /** Drops all points, and takes later ones from the budget. */
  drop(): void {
    if (!this.#isShown) this.#budget.release(this.#capacity);
    this.#isShown = false;
    [this.#capacity, this.#start, this.#end] = [0, 0, 0];
    [this.#times, this.#values] = [new Float64Array(0), new Float64Array(0)];
  }

  #grow(): boolean {
    const capacity = Math.min(MAX_POINTS, Math.max(FIRST_POINTS, this.#capacity * 2));
    if (capacity === this.#capacity || !this.#isShown && !this.#budget.take(capacity - this.#capacity)) return false;
    const [times, values] = [new Float64Array(2 * capacity), new Float64Array(2 * capacity)];
    times.set(this.times);
    values.set(this.values);
    this.#end = this.length;
    this.#start = 0;
    this.#capacity = capacity;
    this.#times = times;
    this.#values = values;
    return true;
  }

  #moveToFront(): void {
    this.#times.copyWithin(0, this.#start, this.#end);
    this.#values.copyWithin(0, this.#start, this.#end);
    this.#end = this.length;
    this.#start = 0;
  }
}
