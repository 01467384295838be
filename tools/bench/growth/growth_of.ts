/** Growth of a cost with the size of the work. */
import { slopeOf } from "../../support/statistics.ts";
import type { GrowthCase } from "./growth_case.ts";

/** Largest exponent that counts as linear, with noise: the processor's caches alone make it 1.2. */
const MAX_EXPONENT = 1.3;

/** Largest exponent that counts as flat: caches of the processor and logarithms grow as well. */
const MAX_FLAT_EXPONENT = 0.5;

/** Cost below which noise hides the growth, in milliseconds. */
const MEASURABLE_MS = 1;

/** Growth of a cost. */
export interface Growth {
  /** Exponent of the size that the cost grows with: 0 is flat, 1 linear, 2 quadratic. */
  readonly exponent: number;
  /** True if it grows faster than the size, or at all where it must be flat. */
  readonly isSteep: boolean;
}

/** Returns the growth of costs in milliseconds, one for each size of a case. */
export function growthOf(
  { sizes, isFlat }: Pick<GrowthCase, "sizes" | "isFlat">,
  costs: readonly number[],
): Growth {
  const points = sizes.map((size, index) => ({ x: Math.log(size), y: Math.log(Math.max(costs[index] ?? 0, 0.001)) }));
  const exponent = slopeOf(points);
  return {
    exponent,
    isSteep: exponent > (isFlat ? MAX_FLAT_EXPONENT : MAX_EXPONENT) && (costs.at(-1) ?? 0) >= MEASURABLE_MS,
  };
}
