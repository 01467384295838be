/**
 * Durations as text in the services file and in requests: `30s`, `10m`, `24h`, `31d`, `4w`.
 *
 * @module
 */

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
