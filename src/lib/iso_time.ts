/**
 * Times in ISO 8601.
 *
 * @module
 */

/** A day, or a time of a day with its offset from UTC. */
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * Parses a day, which begins at midnight UTC, or a time with its offset from UTC.
 *
 * @returns milliseconds since 1970; undefined if the text has another form, or there is no such day or time
 */
export function parseIsoTime(text: string): number | undefined {
  const [, day] = ISO_TIME.exec(text) ?? [];
  const ms = day === undefined || !isDay(day) ? NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Returns whether there is such a day: `Date.parse` takes February 30th for March 2nd. */
function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
