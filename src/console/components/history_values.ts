/**
 * Figures of the values of a chart.
 *
 * @module
 */
import type { ChartData } from "./chart_data.ts";

/** Figures of values. */
export interface ValueFigures {
  /** Lowest value. */
  readonly lowest: number;
  /** Highest value. */
  readonly highest: number;
  /** Average over the time for which each value lasted; the plain one for a single time. */
  readonly average: number;
  /** Last value. */
  readonly last: number;
  /** Number of values. */
  readonly count: number;
  /** Number of values that differ from the one before. */
  readonly changes: number;
}

/** Returns the points of a state, which lasts until the next one, with its last value at the end of the chart, too. */
export function lastingUntil({ times, values }: ChartData, end: number): ChartData {
  const [at, value] = [times.at(-1), values.at(-1)];
  if (at === undefined || value === undefined || at >= end) return { times, values };
  return { times: [...times, end], values: [...values, value] };
}

/** Returns the figures of values; undefined where there are none. */
export function valuesOf({ times, values }: ChartData): ValueFigures | undefined {
  let [lowest, highest, sum, duration, count, changes] = [Infinity, -Infinity, 0, 0, 0, 0];
  let last: number | undefined;
  let before: { readonly at: number; readonly value: number } | undefined;
  for (let index = 0; index < times.length; index++) {
    const [at, value] = [times[index], values[index]];
    if (at === undefined || value === undefined || value === null) {
      before = undefined;
      continue;
    }
    count += 1;
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
    if (before !== undefined) {
      sum += before.value * (at - before.at);
      duration += at - before.at;
    }
    if (last !== undefined && value !== last) changes += 1;
    before = { at, value };
    last = value;
  }
  if (last === undefined) return undefined;
  return { lowest, highest, average: duration > 0 ? sum / duration : last, last, count, changes };
}
