/**
 * Axes of a chart.
 *
 * @module
 */

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Returns the range of the axis of values: a little more than that of the values, and never empty. */
export function valueRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const margin = high > low ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.05, 0.5);
  return [low - margin, high + margin];
}

/** Returns the form of times that are so many milliseconds apart. */
export function timeForm(increment: number): Intl.DateTimeFormatOptions {
  if (increment >= DAY_MS) return { day: "numeric", month: "short" };
  if (increment >= MINUTE_MS) return { hour: "2-digit", minute: "2-digit" };
  return { hour: "2-digit", minute: "2-digit", second: "2-digit" };
}
