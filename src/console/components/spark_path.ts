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

/** Returns the path of the line through points, scaled to the size; empty for less than two points. */
export function sparkPath(points: readonly SparkPoint[], { width, height, margin }: SparkSize): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2) return "";
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const duration = last.at - first.at || 1;
  const steps = points.map(({ at, value }) => {
    const x = (at - first.at) / duration * width;
    // A line that does not change is drawn in the middle.
    const share = high === low ? 0.5 : (value - low) / (high - low);
    return `${x.toFixed(1)} ${(height - margin - share * (height - 2 * margin)).toFixed(1)}`;
  });
  return `M${steps.join("L")}`;
}
