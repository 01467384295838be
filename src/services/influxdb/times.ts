/**
 * Times in requests, and durations in them and in the services file: `30s`, `10m`, `24h`, `31d`, `4w`.
 *
 * @module
 */
import { parseIsoTime } from "../../lib/iso_time.ts";

/** Milliseconds of each unit. */
const UNITS: ReadonlyMap<string, number> = new Map([["s", 1000], ["m", 60_000], ["h", 3_600_000], ["d", 86_400_000], [
  "w",
  604_800_000,
]]);

/** Longest duration, fifty years: a time that far in the past is still after 1970. */
const MAX_SPAN_MS = 50 * 365 * 86_400_000;

/** Rule for a duration, as text that follows its name. */
export const DURATION_RULE = "must be a duration such as 30s, 10m, 24h, 31d or 4w, at most fifty years";

/**
 * Parses a duration.
 *
 * @returns milliseconds above 0, or undefined if the text is invalid
 */
export function parseSpan(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,10})([smhdw])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS.get(unit) ?? NaN);
  return ms > 0 && ms <= MAX_SPAN_MS ? ms : undefined;
}

/** Rule for a time, as text that follows its name. */
export const TIME_RULE =
  "must be a time such as -7d, now, 2027-01-31, 2027-01-31T12:00:00Z, or a number of seconds or milliseconds since 1970";

/** Number from which on a time is in milliseconds: in seconds it is in the year 5138, in milliseconds in 1973. */
const LEAST_IN_MILLISECONDS = 1e11;

/** Largest time of a `Date`, in milliseconds. */
const LAST_DATE = 8.64e15;

/**
 * Parses a time: relative to now, in ISO 8601, or a number since 1970.
 *
 * @param now the time, in milliseconds since 1970
 * @returns whole milliseconds since 1970; undefined if it is none
 */
export function parseTime(value: unknown, now: number): number | undefined {
  if (typeof value === "number") {
    const ms = Math.round(Math.abs(value) < LEAST_IN_MILLISECONDS ? value * 1000 : value);
    return Math.abs(ms) <= LAST_DATE ? ms : undefined;
  }
  if (typeof value !== "string") return undefined;
  if (value === "now") return Math.round(now);
  if (value.startsWith("-")) {
    const ago = parseSpan(value.slice(1));
    return ago === undefined ? undefined : Math.round(now) - ago;
  }
  return parseIsoTime(value);
}
