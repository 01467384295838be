/**
 * Part of a series that a chart shows, and its lowest, highest and average value.
 *
 * @module
 */

/** Lowest, highest and average value. */
export interface Statistics {
  /** Lowest value. */
  readonly lowest: number;
  /** Highest value. */
  readonly highest: number;
  /** Average of the points, without regard to the times between them. */
  readonly average: number;
}

/** Returns the index of the first point at or after a time; the times ascend. */
export function firstSince(times: Float64Array, since: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < since) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the statistics of values; undefined if there are none. */
export function statisticsOf(values: Float64Array): Statistics | undefined {
  if (values.length === 0) return undefined;
  let [lowest, highest, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
    sum += value / values.length;
  }
  return { lowest, highest, average: sum };
}
