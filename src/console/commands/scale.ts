/**
 * Scale of a slider.
 *
 * @module
 */

/** Bounds of a slider, and the distance between its values. */
export interface Scale {
  /** Least value. */
  readonly min: number;
  /** Greatest value. */
  readonly max: number;
  /** Distance between values. */
  readonly step: number;
}

/** Steps of a slider without a step of its own. */
const DEFAULT_STEPS = 100;

/**
 * Makes a scale. Without a step that fits, it is 1, 0.1, 0.01 … or 10, 100 … and divides the range in about a hundred.
 *
 * @returns undefined if no number fits between the bounds, or more than a computer can count
 */
export function scaleOf(
  { min, max, step = 0 }: { readonly min: number; readonly max: number; readonly step?: number | undefined },
): Scale | undefined {
  const range = max - min;
  if (!(range > 0) || !Number.isFinite(range)) return undefined;
  const isOwn = step > 0 && step <= range;
  const scale = { min, max, step: isOwn ? step : 10 ** Math.round(Math.log10(range / DEFAULT_STEPS)) };
  return min + scale.step > min && max - scale.step < max ? scale : undefined;
}

/** Returns the decimals of a step, so that values are shown with as many. */
export function decimalsOf(step: number): number {
  const [, fraction = ""] = String(step).split(".");
  return /e-/.test(String(step)) ? 6 : Math.min(fraction.length, 6);
}

/** Returns the value on a scale that is nearest to a number. */
export function snap(value: number, { min, max, step }: Scale): number {
  const steps = Math.round((value - min) / step);
  const snapped = Number((min + steps * step).toFixed(decimalsOf(step) + 2));
  return Math.min(max, Math.max(min, snapped));
}
