/**
 * Rate limit, expiry and version of the protocol of a key, from the options of `keys add` and `keys set`.
 *
 * @module
 */
import { MAX_RATE } from "./schema.ts";
import type { Rate } from "../limits/rate_limiter.ts";
import { parseEnd } from "./duration.ts";

/** Values of `--rate` and `--burst`. */
export interface RateValues {
  /** Requests a second. */
  readonly rate?: string | undefined;
  /** Requests at once. */
  readonly burst?: string | undefined;
}

/**
 * Parses `--rate` and `--burst`.
 *
 * @returns the rate limit, undefined for the one of all keys; and what is wrong with the options, each with its fix
 */
export function rateFromOptions(values: RateValues): { readonly rate: Rate | undefined; readonly mistakes: string[] } {
  if (values.rate === undefined && values.burst === undefined) return { rate: undefined, mistakes: [] };
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
  return { rate: mistakes.length === 0 ? { perSecond, burst } : undefined, mistakes };
}

/** Expiry of a key, and what is wrong with the option. */
export interface ExpiryFromOption {
  /** Time of expiry, in milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined;
  /** Messages for the operator; none if the option is valid. */
  readonly mistakes: readonly string[];
}

/**
 * Parses `--expires`: a duration from now, a day, or `never`.
 *
 * @param now the time, in milliseconds since 1970
 */
export function expiryFromOption(text: string | undefined, now: number): ExpiryFromOption {
  if (text === undefined || text === "never") return { expires: undefined, mistakes: [] };
  const expires = parseEnd(text, now);
  if (expires !== undefined) return { expires, mistakes: [] };
  const rule = "must be a duration such as 90d, 24h or 30m, a future day such as 2027-01-31, or never";
  return { expires, mistakes: [`--expires "${text}" ${rule}`] };
}

/** Oldest version of the protocol, and what is wrong with the option. */
export interface ProtocolFromOption {
  /** The version. */
  readonly minProtocol: 1 | 2;
  /** Messages for the operator; none if the option is valid. */
  readonly mistakes: readonly string[];
}

/** Parses `--min-protocol`. */
export function protocolFromOption(text: string): ProtocolFromOption {
  const minProtocol = text === "2" ? 2 : 1;
  return { minProtocol, mistakes: text === String(minProtocol) ? [] : ["--min-protocol must be 1 or 2"] };
}
