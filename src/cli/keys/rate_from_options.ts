/**
 * From the options `--rate` and `--burst` of `keys add` to the pace of the new key.
 *
 * @module
 */
import { MAX_RATE, type Rate } from "../../keys/schema.ts";

/** The values of these options. */
export interface RateValues {
  /** Requests a second. */
  readonly rate?: string | undefined;
  /** Requests at once. */
  readonly burst?: string | undefined;
}

/**
 * Finds the pace, undefined for the one of all keys.
 *
 * @returns the pace, and everything that is wrong with the options, each with its remedy
 */
export function rateFromOptions(values: RateValues): { readonly pace: Rate | undefined; readonly mistakes: string[] } {
  if (values.rate === undefined && values.burst === undefined) return { pace: undefined, mistakes: [] };
  const mistakes: string[] = [];
  const read = (name: keyof RateValues, other: keyof RateValues) => {
    const text = values[name];
    if (text === undefined) {
      mistakes.push(`--${name} N must be given together with --${other}`);
      return 0;
    }
    const number = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    if (number < 1 || number > MAX_RATE) {
      mistakes.push(`--${name} "${text}" must be a whole number from 1 to ${MAX_RATE}`);
    }
    return number;
  };
  const perSecond = read("rate", "burst");
  const burst = read("burst", "rate");
  if (mistakes.length === 0 && burst < perSecond) mistakes.push(`--burst "${burst}" must be at least --rate`);
  return { pace: mistakes.length === 0 ? { perSecond, burst } : undefined, mistakes };
}
