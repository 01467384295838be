/**
 * Age of a value, short enough for a row.
 *
 * @module
 */
import type { Format } from "../../../catalogue/format.ts";

/** Longest age that counts as now, in milliseconds. */
const NOW_MS = 1500;

/** Returns an age such as `5 sec`; undefined for now. */
export function ageText(
  at: number,
  { now, format }: { readonly now: number; readonly format: Format },
): string | undefined {
  const age = now - at;
  return age < NOW_MS ? undefined : format.duration(age);
}

/** Returns a rate with as many digits as are of use. */
export function rateText(perSecond: number, format: Format): string {
  return format.number(perSecond, perSecond < 10 ? 1 : 0);
}
