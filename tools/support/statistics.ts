/** Statistics of measured values. */

/** Returns the value below which a share of the values lies (nearest rank); NaN without values. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Returns the middle value. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** Value at a point. */
export interface Point {
  /** Position, such as minutes. */
  readonly x: number;
  /** Value. */
  readonly y: number;
}

/** Returns the slope of the least-squares line through points; 0 for fewer than two positions. */
export function slopeOf(points: readonly Point[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  if (!(spread > 0)) return 0;
  return points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
}
