/**
 * Points of a chart.
 *
 * @module
 */

/** Points of a chart, in the order of their times. */
export interface ChartData {
  /** Times, in milliseconds since 1970. */
  readonly times: Float64Array | readonly number[];
  /** Values; null for a gap in the line. */
  readonly values: Float64Array | readonly (number | null)[];
}
