/**
 * API of InfluxDB 2: Flux.
 *
 * @module
 */
import { parseAnnotatedCsv } from "./annotated_csv.ts";
import type { Api } from "./api.ts";
import { fluxScript } from "./statement.ts";

/** API of InfluxDB 2. */
export const API_2: Api = {
  tokenScheme: "Token",
  query: ({ template, server: { org = "" } }, values) => ({
    method: "POST",
    path: "/api/v2/query",
    search: { org },
    headers: { "Content-Type": "application/json", "Accept": "application/csv" },
    body: JSON.stringify({
      query: fluxScript(template, values),
      type: "flux",
      dialect: { header: true, delimiter: ",", annotations: ["datatype", "default"], dateTimeFormat: "RFC3339" },
    }),
  }),
  parseResult: parseAnnotatedCsv,
  write: ({ server: { org = "", bucket = "" } }, line) => ({
    method: "POST",
    path: "/api/v2/write",
    search: { org, bucket, precision: "ms" },
    headers: { "Content-Type": "text/plain; charset=utf-8", "Accept": "application/json" },
    body: line,
  }),
  probe: ({ org = "" }) => ({
    method: "GET",
    path: "/api/v2/buckets",
    search: { org, limit: "1" },
    headers: { "Accept": "application/json" },
  }),
};
