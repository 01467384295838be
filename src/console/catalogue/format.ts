/**
 * Numbers, times and plurals of one language.
 *
 * @module
 */
import type { Language } from "./language.ts";

/** Forms of a word by plural category; both languages of the page have these two. */
export interface PluralForms {
  /** Form for one; in French also for none. */
  readonly one: string;
  /** Form for any other number. */
  readonly other: string;
}

/** Returns the form of a word for a number. */
export function plural(language: Language, count: number, { one, other }: PluralForms): string {
  return new Intl.PluralRules(language).select(count) === "one" ? one : other;
}

/** Milliseconds of each unit, from long to short. */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000]] as const;

/** Numbers from which powers of ten are written. */
const LARGE = 1e12;

const DAY_MS = 86_400_000;

/** Formatter of one language, in the time zone of the device. A time that is none is `?`. */
export interface Format {
  /** Returns a number with at most that many decimals, 2 by default, and at least so many, none by default. */
  number(value: number, decimals?: number, least?: number): string;
  /** Returns the time of day, with the date where it is not within a day of now. */
  time(ms: number, now: number): string;
  /** Returns the time of day with its seconds. */
  clock(ms: number): string;
  /** Returns a date with its time. */
  dateTime(ms: number): string;
  /** Returns a duration in its largest unit, such as `5 min`. */
  duration(ms: number): string;
}

/** Makes the formatter of a language, with the habits of a region, such as `en-GB`. */
export function createFormat(language: string): Format {
  const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const numbers = new Map<string, Intl.NumberFormat>();
  const durations = new Map(UNITS.map(([unit]) => {
    return [unit, new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" })];
  }));
  const large = new Intl.NumberFormat(language, { notation: "scientific", maximumFractionDigits: 4 });
  function number(value: number, decimals = 2, least = 0): string {
    if (Math.abs(value) >= LARGE) return large.format(value);
    let format = numbers.get(`${decimals} ${least}`);
    if (format === undefined) {
      format = new Intl.NumberFormat(language, { maximumFractionDigits: decimals, minimumFractionDigits: least });
      numbers.set(`${decimals} ${least}`, format);
    }
    return format.format(value);
  }
  return {
    number,
    time: (ms, now) => formatTime(Math.abs(ms - now) < DAY_MS ? hour : date, ms),
    clock: (ms) => formatTime(clock, ms),
    dateTime: (ms) => formatTime(date, ms),
    duration(ms) {
      const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["second", 1000];
      return durations.get(unit)?.format(Math.round(ms / size)) ?? "";
    },
  };
}

/** Formats a time; `?` for one that is none, as a gateway or a service can send any number. */
function formatTime(format: Intl.DateTimeFormat, ms: number): string {
  return Number.isNaN(new Date(ms).getTime()) ? "?" : format.format(ms);
}
