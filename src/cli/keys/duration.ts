/**
 * Spans of time as people write and read them: `90d`, `24h`, `30m`.
 *
 * @module
 */

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000 } as const;

/** A hundred years: longer than anybody means, and short enough for every date to have a year of four digits. */
const MAX_MS = 36_525 * UNIT_MS.d;

/**
 * Reads a span of time.
 *
 * @returns milliseconds, more than none, or undefined if the text is no such span
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([dhm])$/.exec(text) ?? [];
  if (count === undefined || (unit !== "d" && unit !== "h" && unit !== "m")) return undefined;
  const ms = Number(count) * UNIT_MS[unit];
  return ms > 0 && ms <= MAX_MS ? ms : undefined;
}

/**
 * Reads when something ends: after a span from now, or with the last moment of a day (UTC).
 *
 * @param now the time, in milliseconds since 1970
 * @returns milliseconds since 1970, or undefined if the text is neither, or over already
 */
export function parseEnd(text: string, now: number): number | undefined {
  const span = parseDuration(text);
  if (span !== undefined) return now + span;
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const day = Date.parse(`${text}T00:00:00Z`);
  // February 30th becomes March 2nd.
  if (Number.isNaN(day) || formatDay(day) !== text) return undefined;
  const end = day + UNIT_MS.d;
  return end > now && end - now <= MAX_MS ? end : undefined;
}

/** Writes a span of time in its largest fitting unit, rounded: `12 d`, `23 h`, `5 min`. */
export function formatDuration(ms: number): string {
  if (ms >= 2 * UNIT_MS.d) return `${Math.round(ms / UNIT_MS.d)} d`;
  if (ms >= 2 * UNIT_MS.h) return `${Math.round(ms / UNIT_MS.h)} h`;
  return `${Math.max(1, Math.round(ms / UNIT_MS.m))} min`;
}

/** Writes the day of a time in milliseconds since 1970: `2027-01-31`. */
export function formatDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Writes a time in milliseconds since 1970 to the minute: `2027-01-31 12:00 UTC`. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
