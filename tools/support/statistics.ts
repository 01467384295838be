/** Quantiles of measured values. */

/** The value below which a share of the values lies (nearest rank); NaN where there are none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** The value in the middle. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}
