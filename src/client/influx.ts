/**
 * InfluxDB: results of queries that the operator named.
 *
 * @module
 */
import type { Answer } from "./answer.ts";
import { fieldsOf, malformed } from "./service_answer.ts";

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

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
