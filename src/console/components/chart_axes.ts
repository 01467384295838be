/**
 * Axes of a chart.
 *
 * @module
 */

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * Least range of values, as a share of the largest, and at all: with less, the numbers of the axis would differ by so little that
 * adding one step to another changes nothing, and the library would add for ever.
 */
const MIN_SHARE = 1e-12;
const MIN_RANGE = 1e-15;

/** Largest number that has an axis: the library has no steps for larger ones. */
const MAX_MAGNITUDE = 1e30;

/** Numbers from which an axis shows powers of ten, and steps below which it does. */
const LARGE = 1e9;
const SMALL = 1e-6;

/** Returns the range of the axis of values: a little more than that of the values, and never empty. */
export function valueRange(low: number | null, high: number | null): [number, number] {
  const largest = Math.max(Math.abs(low ?? NaN), Math.abs(high ?? NaN));
  if (low === null || high === null || !(largest <= MAX_MAGNITUDE)) return [0, 1];
  const margin = high - low > Math.max(MIN_RANGE, MIN_SHARE * largest)
    ? (high - low) * 0.08
    : Math.max(largest * 0.05, 0.5);
  return [low - margin, high + margin];
}

/** Returns the form of times that are so many milliseconds apart. */
export function timeForm(increment: number): Intl.DateTimeFormatOptions {
  if (increment >= DAY_MS) return { day: "numeric", month: "short" };
  if (increment >= MINUTE_MS) return { hour: "2-digit", minute: "2-digit" };
  return { hour: "2-digit", minute: "2-digit", second: "2-digit" };
}

/** Returns the form of numbers up to `largest` that are so far apart: as short as tells them apart. */
export function numberForm(increment: number, largest: number): Intl.NumberFormatOptions {
  const isPlain = largest < LARGE && increment >= SMALL;
  const digits = isPlain ? -Math.floor(Math.log10(increment)) : Math.ceil(Math.log10(largest / increment));
  const fraction = Math.min(10, Math.max(0, digits));
  return isPlain
    ? { minimumFractionDigits: fraction, maximumFractionDigits: fraction }
    : { notation: "scientific", maximumFractionDigits: fraction };
}
