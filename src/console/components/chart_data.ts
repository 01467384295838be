/**
 * Content of a chart.
 *
 * @module
 */

/** Points of a chart, in the order of their times. */
export interface ChartData {
  /** Times, in milliseconds since 1970. */
  readonly times: Float64Array | number[];
  /** Values; null for a gap in the line. */
  readonly values: Float64Array | (number | null)[];
}

/** Weight of a mark. */
export type MarkTone = "bad" | "warn" | "calm";

/** Vertical line at a time. */
export interface ChartMark {
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  /** Weight, for its colour. */
  readonly tone: MarkTone;
}
