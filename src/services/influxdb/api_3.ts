/**
 * API of InfluxDB 3: SQL.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../lib/json.ts";
import type { Api } from "./api.ts";
import { InfluxError } from "./influx_error.ts";
import { sqlStatement } from "./statement.ts";
import { type Table, timeOf } from "./table.ts";

/** API of InfluxDB 3. */
export const API_3: Api = {
  tokenScheme: "Bearer",
  query({ template, server: { database = "" } }, values) {
    const { text, paramsJson } = sqlStatement(template, values);
    const fields = `"db":${JSON.stringify(database)},"q":${
      JSON.stringify(text)
    },"format":"json","params":${paramsJson}`;
    return {
      method: "POST",
      path: "/api/v3/query_sql",
      search: {},
      headers: { "Content-Type": "application/json", "Accept": "application/json" },
      body: `{${fields}}`,
    };
  },
  parseResult,
  write: ({ server: { database = "" } }, line) => ({
    method: "POST",
    path: "/api/v3/write_lp",
    search: { db: database, precision: "millisecond", accept_partial: "false" },
    headers: { "Content-Type": "text/plain; charset=utf-8" },
    body: line,
  }),
  probe: ({ database = "" }) => ({
    method: "GET",
    path: "/api/v3/query_sql",
    search: { db: database, q: "SELECT 1", format: "json" },
    headers: { "Accept": "application/json" },
  }),
};

/** Parses a list of objects, one for each row. A column is absent from the rows in which it is null. */
function parseResult(text: string): Table {
  const body = tryParseJson(text);
  if (isObject(body) && typeof body["error"] === "string") throw new InfluxError(body["error"]);
  if (!Array.isArray(body) || !body.every(isObject)) throw new SyntaxError("Not a list of objects");
  const columns = [...new Set(body.flatMap((row) => Object.keys(row)))];
  return { columns, rows: rowsOf(body, columns, timesOf(body)) };
}

function* rowsOf(
  body: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
  times: ReadonlySet<string>,
): Generator<readonly unknown[]> {
  for (const row of body) {
    yield columns.map((name) => {
      const value = Object.hasOwn(row, name) ? row[name] ?? null : null;
      return times.has(name) && typeof value === "string" ? timeOf(value) ?? value : value;
    });
  }
}

/** Returns the columns of which all values are times: JSON has no type for them. */
function timesOf(body: readonly Readonly<Record<string, unknown>>[]): ReadonlySet<string> {
  const times = new Set<string>();
  const others = new Set<string>();
  for (const row of body) {
    for (const [name, value] of Object.entries(row)) {
      if (value === null || others.has(name)) continue;
      const isTime = typeof value === "string" && timeOf(value) !== undefined;
      (isTime ? times : others).add(name);
    }
  }
  return times.difference(others);
}
