/** Growth of a cost with the size of the work. */
import { slopeOf } from "../../support/statistics.ts";

/** Largest exponent that counts as linear, with noise. */
const MAX_EXPONENT = 1.2;

/** Cost below which noise hides the growth, in milliseconds. */
const MEASURABLE_MS = 1;

/** Growth of a cost. */
export interface Growth {
  /** Exponent of the size that the cost grows with, without the smallest size: 0 is flat, 1 linear, 2 quadratic. */
  readonly exponent: number;
  /** True if it grows faster than the size. */
  readonly isSteep: boolean;
}

/** Returns the growth of costs in milliseconds, one for each size. */
export function growthOf(sizes: readonly number[], costs: readonly number[]): Growth {
  const points = sizes.map((size, index) => ({ x: Math.log(size), y: Math.log(Math.max(costs[index] ?? 0, 0.001)) }));
  const exponent = slopeOf(points.slice(1));
  return { exponent, isSteep: exponent > MAX_EXPONENT && (costs.at(-1) ?? 0) >= MEASURABLE_MS };
}
