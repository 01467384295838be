/**
 * The command `query`: runs a query of InfluxDB that the operator of the gateway named, or lists those that the key may
 * run.
 *
 * @module
 */
import type { Answer } from "../client/gateway_client.ts";
import { plainNumber } from "../lib/exact_json.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import { type CommandLine, readArgs } from "./args.ts";
import { CLIENT_OPTIONS, openClient, printAnswer, runClient } from "./client.ts";
import { PARAM_NOTES, parseParamValues } from "./param_values.ts";
import type { Platform } from "../platform.ts";

/** Command line of `query`. */
export const QUERY_LINE = {
  synopsis: "deno task query [NAME] [PARAM=VALUE...]",
  summary: "Run a named query of InfluxDB through the gateway, or list those that the key may run",
  options: {
    json: {
      type: "boolean",
      default: false,
      description: "Print JSON, with times in milliseconds, or with all of\nthe list",
    },
    ...CLIENT_OPTIONS,
  },
  notes: PARAM_NOTES,
} as const satisfies CommandLine;

/** Prints the names of the columns, then a line for each row, with a tab between values. */
export function query(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals: [name, ...words] } = readArgs(platform.args, QUERY_LINE);
    const params = parseParamValues(words, QUERY_LINE);
    const client = await openClient(values, platform);
    if (name === undefined) return printQueries(await client.call("influxdb"), values.json, platform);
    const { columns, rows, truncated } = await client.influx(name, params);
    if (values.json) platform.print(JSON.stringify({ columns, rows, truncated }, null, 2));
    else {
      const lines = rows.map((row) => row.map((value, index) => formatCell(value, columns[index])));
      for (const cells of [columns, ...lines]) platform.print(cells.join("\t"));
    }
    if (truncated) platform.printError("There are more rows than the gateway sends: ask for a shorter period");
    return 0;
  });
}

/** Prints a line for each query: its name and parameters as they are typed, and its text for people. */
function printQueries(answer: Answer, asJson: boolean, platform: Platform): number {
  const content = typeof answer.body === "string" ? tryParseJson(answer.body) : answer.body;
  const queries = isObject(content) ? content["queries"] : undefined;
  if (asJson || !Array.isArray(queries)) return printAnswer(answer, platform);
  for (const { name, label, params } of queries.filter(isObject)) {
    const words = [name, ...Object.keys(isObject(params) ? params : {}).map((param) => `${param}=…`)];
    platform.print(`${words.join(" ")}${typeof label === "string" ? `: ${label}` : ""}`);
  }
  return 0;
}

/** Formats a value in one cell: a time as in ISO 8601, nothing for a missing value. */
function formatCell(value: unknown, column: string | undefined): string {
  if (value === null || value === undefined) return "";
  const ms = plainNumber(value);
  if (column === "time" && typeof ms === "number") {
    const time = new Date(ms);
    if (!isNaN(time.getTime())) return time.toISOString();
  }
  return (typeof value === "string" ? value : JSON.stringify(value)).replace(/[\t\r\n]+/g, " ");
}
