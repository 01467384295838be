/**
 * Path of a sparkline.
 *
 * @module
 */

/** Size of the drawing. */
export interface SparkSize {
  /** Width, in units of the drawing. */
  readonly width: number;
  /** Height, in units of the drawing. */
  readonly height: number;
  /** Space above and below the line. */
  readonly margin: number;
}

/** Point of a line: a time and a value. */
export interface SparkPoint {
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  /** Value. */
  readonly value: number;
}

/** Shortest time that a line covers, in milliseconds: the first value is drawn as the one that was there before. */
const MIN_SPAN_MS = 15_000;

/** Returns the path of the line through points, scaled to the size; empty for none. */
export function sparkPath(points: readonly SparkPoint[], { width, height, margin }: SparkSize): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return "";
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = high - low;
  const start = Math.min(first.at, last.at - MIN_SPAN_MS);
  const steps = [{ at: start, value: first.value }, ...points].map(({ at, value }) => {
    const x = (at - start) / (last.at - start) * width;
    // A line that does not change is drawn in the middle, and one whose range is more than a computer can count.
    const share = range > 0 && range < Infinity ? (value - low) / range : 0.5;
    return `${x.toFixed(1)} ${(height - margin - share * (height - 2 * margin)).toFixed(1)}`;
  });
  return `M${steps.join("L")}`;
}
