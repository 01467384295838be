/**
 * Last values of one pin, for its sparkline.
 *
 * @module
 */
import { isObject } from "../../../../lib/json.ts";

/** Value at a time. */
export interface Point {
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  /** Value. */
  readonly value: number;
}

/** Most points of a series. */
const MAX_POINTS = 240;

/** Returns a series with another point; the oldest is dropped. Values of the same moment replace each other. */
export function withPoint(series: readonly Point[], point: Point): readonly Point[] {
  const last = series.at(-1);
  if (last !== undefined && point.at < last.at) return series;
  const kept = last?.at === point.at ? series.slice(0, -1) : series;
  return [...kept.slice(1 - MAX_POINTS), point];
}

/** Reads a series that the page has kept; anything malformed is left out. */
export function readSeries(value: unknown): readonly Point[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isPoint).slice(-MAX_POINTS);
}

function isPoint(value: unknown): value is Point {
  return isObject(value) && Number.isFinite(value["at"]) && Number.isFinite(value["value"]);
}

/** Change over a series. */
export interface Trend {
  /** Last value minus the first one. */
  readonly change: number;
  /** Time between the two, in milliseconds. */
  readonly overMs: number;
}

/** Returns the change over a series; undefined where it has less than two points. */
export function trendOf(series: readonly Point[]): Trend | undefined {
  const [first, last] = [series[0], series.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  return { change: last.value - first.value, overMs: last.at - first.at };
}

/** Most decimals of a value. */
const MAX_DECIMALS = 2;

/** Returns the decimals of a series, so that a round value among others is not shorter than they are. */
export function decimalsOf(series: readonly Point[]): number {
  // A number that is written as a power of ten, such as 1.5e+21, has none.
  const decimals = (value: number) => /\.(\d+)$/.exec(String(Number(value.toFixed(MAX_DECIMALS))))?.[1]?.length ?? 0;
  return Math.max(0, ...series.map(({ value }) => decimals(value)));
}
