/**
 * API of InfluxDB 1: InfluxQL.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../lib/json.ts";
import type { Api } from "./api.ts";
import { InfluxError } from "./influx_error.ts";
import { influxqlStatement } from "./statement.ts";
import { joinRecords, type Records, requireFewRecords, type Table } from "./table.ts";

/** Statement that fails without the database, unlike those with SHOW. There is no such measurement. */
const PROBE = "SELECT * FROM e2e_gateway_probe LIMIT 1";

/** API of InfluxDB 1. */
export const API_1: Api = {
  tokenScheme: "Token",
  query({ template, server: { database = "" } }, values) {
    const { text, paramsJson } = influxqlStatement(template, values);
    return {
      method: "GET",
      path: "/query",
      search: { db: database, q: text, params: paramsJson, epoch: "ms" },
      headers: { "Accept": "application/json" },
    };
  },
  parseResult,
  write: ({ server: { database = "" } }, line) => ({
    method: "POST",
    path: "/write",
    search: { db: database, precision: "ms" },
    headers: { "Content-Type": "text/plain; charset=utf-8" },
    body: line,
  }),
  probe: ({ database = "" }) => ({
    method: "GET",
    path: "/query",
    search: { db: database, q: PROBE },
    headers: { "Accept": "application/json" },
  }),
};

/** Series of a result. */
interface Series {
  readonly name: string;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
  readonly isPartial: boolean;
}

/** Parses the result of the only statement. Its errors are in an answer with status 200. */
function parseResult(text: string): Table {
  const body = tryParseJson(text);
  if (!isObject(body)) throw new SyntaxError("Not a JSON object");
  requireNoError(body);
  const results = objectsOf(body["results"], "results");
  results.forEach(requireNoError);
  const [result = {}, ...others] = results;
  if (others.length > 0) throw new SyntaxError("More than one result");
  const objects = objectsOf(result["series"] ?? [], "series");
  requireFewRecords(objects.length);
  const series = objects.map(parseSeries);
  const isPartial = result["partial"] === true || series.some((one) => one.isPartial);
  return { ...joinRecords(toRecords(series)), isPartial };
}

type JsonObject = Readonly<Record<string, unknown>>;

function objectsOf(value: unknown, what: string): readonly JsonObject[] {
  if (!Array.isArray(value) || !value.every(isObject)) throw new SyntaxError(`No list of ${what}`);
  return value;
}

function requireNoError({ error }: JsonObject): void {
  if (error !== undefined) throw new InfluxError(typeof error === "string" ? error : "error of unknown form");
}

function parseSeries(value: JsonObject): Series {
  const { name = "", tags = {}, columns, values = [], partial } = value;
  if (typeof name !== "string" || !isObject(tags)) throw new SyntaxError("A series has no name or no tags");
  if (!Array.isArray(columns) || !columns.every((column) => typeof column === "string")) {
    throw new SyntaxError("A series has no columns");
  }
  if (!Array.isArray(values) || !values.every((row) => Array.isArray(row) && row.length === columns.length)) {
    throw new SyntaxError("A row has more or fewer values than its series");
  }
  return { name, tags, columns, values, isPartial: partial === true };
}

/** Makes the tags of each series columns, and its name as well where the series are of several measurements. */
function toRecords(series: readonly Series[]): Records[] {
  const hasNames = new Set(series.map(({ name }) => name)).size > 1;
  return series.map(({ name, tags, columns, values }) => {
    const own = new Set(columns);
    const added = Object.entries(tags).filter(([tag]) => !own.has(tag));
    if (hasNames && !own.has("measurement")) added.push(["measurement", name]);
    const constants = added.map(([, value]) => value);
    return { columns: [...columns, ...added.map(([tag]) => tag)], rows: withConstants(values, constants) };
  });
}

/** Adds the same values to each row; not at once, as a series may have many tags and many short rows. */
function* withConstants(
  rows: readonly (readonly unknown[])[],
  constants: readonly unknown[],
): Generator<readonly unknown[]> {
  for (const row of rows) yield [...row, ...constants];
}
