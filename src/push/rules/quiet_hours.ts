/**
 * Quiet hours: the time of each day in which a rule sends no alerts.
 *
 * @module
 */

/** Part of each day, in a time zone. */
export interface QuietHours {
  /** First minute, from midnight. */
  readonly from: number;
  /** Minute after the last one, from midnight; before `from` if it is on the next day. */
  readonly to: number;
  /** Name of the time zone, such as `Europe/Paris`. */
  readonly timeZone: string;
}

/** Rule for a time of the day, in words that follow the name of its field. */
export const TIME_RULE = "must be a time such as 22:30";

/** Rule for a time zone, in words that follow the name of its field. */
export const TIME_ZONE_RULE = "must be a time zone such as Europe/Paris";

/** Longest name of a time zone, in characters. */
const MAX_ZONE_LENGTH = 64;

/** Parses a time of the day, as minutes from midnight; undefined if it is not one. */
export function parseTimeOfDay(text: string): number | undefined {
  const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hour === undefined ? undefined : Number(hour) * 60 + Number(minute);
}

/** Returns whether a text names a time zone by its place or as `UTC`: offsets such as `+01:00` know no summer time. */
export function isTimeZone(text: string): boolean {
  if (text.length > MAX_ZONE_LENGTH || !/^[A-Za-z]/.test(text)) return false;
  try {
    return minuteOfDay(text, 0) >= 0;
  } catch {
    return false;
  }
}

/**
 * Returns whether a time is within quiet hours.
 *
 * @param now in milliseconds since 1970
 */
export function isQuiet({ from, to, timeZone }: QuietHours, now: number): boolean {
  const minute = minuteOfDay(timeZone, now);
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

function minuteOfDay(timeZone: string, now: number): number {
  const { hour, minute } = Temporal.Instant.fromEpochMilliseconds(Math.floor(now)).toZonedDateTimeISO(timeZone);
  return hour * 60 + minute;
}
