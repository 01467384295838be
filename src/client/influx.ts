/**
 * InfluxDB: results of queries, and points to write to places, that the operator named.
 *
 * @module
 */
import type { Answer } from "./answer.ts";
import { type Fields, fieldsOf, malformed } from "./service_answer.ts";

/** Result of a query. */
export interface InfluxResult {
  /** Names of the columns. */
  readonly columns: readonly string[];
  /** Rows, each with a value for each column; times are milliseconds since 1970. */
  readonly rows: readonly (readonly unknown[])[];
  /** True if the query had more rows than the gateway sends. */
  readonly truncated: boolean;
}

/**
 * Parses the result of a query.
 *
 * @throws {FailedError} if it is malformed
 */
export function parseInfluxResult(answer: Answer): InfluxResult {
  const { columns, rows, truncated } = fieldsOf(answer, "influxdb");
  if (!isList(columns) || !columns.every(isText) || !isList(rows) || !rows.every(isList)) throw malformed("influxdb");
  return { columns, rows, truncated: truncated === true };
}

/** Point to write. */
export interface InfluxPoint {
  /** Measurement that it belongs to. */
  readonly measurement: string;
  /** Values by name, at least one. */
  readonly fields: Fields;
  /** Texts by name that tell series apart. */
  readonly tags?: Fields;
  /** Time; a number is seconds or milliseconds since 1970. The gateway's time by default. */
  readonly time?: Date | number | string;
}

/** Returns the fields of a request that writes a point. */
export function writeFields(write: string, { time, ...point }: InfluxPoint): Fields {
  return { write, ...point, time: time instanceof Date ? time.getTime() : time };
}

/**
 * Checks the answer to a write.
 *
 * @throws {FailedError} if the point is not stored
 */
export function checkWritten(answer: Answer): void {
  if (fieldsOf(answer, "influxdb")["success"] !== true) throw malformed("influxdb");
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
