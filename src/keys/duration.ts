/**
 * Durations as text: `90d`, `24h`, `30m`.
 *
 * @module
 */
import { parseIsoTime } from "../lib/iso_time.ts";

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000 } as const;

/** Longest duration, a hundred years: every date keeps a year of four digits. */
const MAX_MS = 36_525 * UNIT_MS.d;

/**
 * Parses a duration.
 *
 * @returns milliseconds above 0, or undefined if the text is invalid
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([dhm])$/.exec(text) ?? [];
  if (count === undefined || (unit !== "d" && unit !== "h" && unit !== "m")) return undefined;
  const ms = Number(count) * UNIT_MS[unit];
  return ms > 0 && ms <= MAX_MS ? ms : undefined;
}

/**
 * Parses an expiry: a duration from now, or a day at whose end (UTC) it expires.
 *
 * @param now the time, in milliseconds since 1970
 * @returns milliseconds since 1970, or undefined if the text is invalid or in the past
 */
export function parseEnd(text: string, now: number): number | undefined {
  const span = parseDuration(text);
  if (span !== undefined) return now + span;
  const day = text.includes("T") ? undefined : parseIsoTime(text);
  if (day === undefined) return undefined;
  const end = day + UNIT_MS.d;
  return end > now && end - now <= MAX_MS ? end : undefined;
}

/** Formats a duration in its largest fitting unit, rounded: `12 d`, `23 h`, `5 min`. */
export function formatDuration(ms: number): string {
  if (ms >= 2 * UNIT_MS.d) return `${Math.round(ms / UNIT_MS.d)} d`;
  if (ms >= 2 * UNIT_MS.h) return `${Math.round(ms / UNIT_MS.h)} h`;
  return `${Math.max(1, Math.round(ms / UNIT_MS.m))} min`;
}

/** Formats the day of a time in milliseconds since 1970: `2027-01-31`. */
export function formatDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Formats a time in milliseconds since 1970 to the minute: `2027-01-31 12:00 UTC`. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
