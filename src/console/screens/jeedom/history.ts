/**
 * Past of a command of Jeedom, as the points of a chart.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import type { ChartData } from "../../components/chart_data.ts";
import { numberIn } from "../../text/scalar.ts";

/**
 * Reads the answer of `cmd::getHistory`: its times are those of Jeedom's clock, without a zone. They are kept as if they
 * were UTC, so that the chart shows the same times as Jeedom does.
 *
 * @returns undefined if it is no history
 */
export function readHistory(result: unknown): ChartData | undefined {
  if (result === "ok") return { times: [], values: [] };
  if (!Array.isArray(result)) return undefined;
  const points = result.flatMap((row) => {
    if (!isObject(row) || typeof row["datetime"] !== "string") return [];
    const at = parseTime(row["datetime"]);
    const value = numberIn(row["value"]);
    return at === undefined || value === undefined ? [] : [{ at, value }];
  });
  points.sort((one, other) => one.at - other.at);
  return { times: points.map(({ at }) => at), values: points.map(({ value }) => value) };
}

/** Parses a time such as `2026-01-31 18:00:00`, as if it were UTC. */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return undefined;
  const ms = Date.parse(`${text.replace(" ", "T")}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * Formats the time that clocks of this device's zone show, as Jeedom does: a home is mostly where its people are.
 *
 * @param zoneMinutes minutes by which UTC is ahead of the zone, as `Date.getTimezoneOffset` returns them
 */
export function formatTime(ms: number, zoneMinutes: number): string {
  return new Date(ms - zoneMinutes * 60_000).toISOString().slice(0, 19).replace("T", " ");
}
