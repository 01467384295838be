/**
 * Simulated InfluxDB 1 for the demo: `/ping`, and `/query` for the mean temperature of a room in each hour, in the form of
 * InfluxDB's own answers.
 *
 * @module
 */
import { isObject, tryParseJson } from "../lib/json.ts";

/** Options of a simulated InfluxDB. */
export interface SimulatedInfluxdbOptions {
  /** User and password that it accepts, with a colon between them. */
  readonly login: string;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Name of its database. */
export const DATABASE = "home";

const HOUR_MS = 3_600_000;

/** Mean temperature of each room. */
const ROOMS: ReadonlyMap<unknown, number> = new Map([["kitchen", 20.5], ["attic", 14]]);

const HEADERS = { "X-Influxdb-Build": "OSS", "X-Influxdb-Version": "1.8.10" };

/** The only statement on its measurement that it understands; of all others it knows none. */
const STATEMENT =
  /^SELECT mean\(value\) FROM temperature WHERE room = \$room AND time > (\d+)ms GROUP BY time\(1h\) fill\(none\)$/;

/** Returns the temperature of a room, which the simulation has measured at each full hour. */
export function temperatureAt(room: string, ms: number): number | undefined {
  const mean = ROOMS.get(room);
  // Warmest at 15:00.
  return mean && Math.round((mean + 2 * Math.sin((ms / HOUR_MS - 9) * Math.PI / 12)) * 10) / 10;
}

/** Makes the function that answers a request of a simulated InfluxDB. */
export function createSimulatedInfluxdb({ login, now }: SimulatedInfluxdbOptions): (request: Request) => Response {
  return ({ url, headers }) => {
    const { pathname, searchParams } = new URL(url);
    if (pathname === "/ping") return new Response(null, { status: 204, headers: HEADERS });
    if (pathname !== "/query") return new Response("404 page not found\n", { status: 404 });
    const authorization = headers.get("Authorization");
    if (authorization === null) return answer({ error: "unable to parse authentication credentials" }, 401);
    if (authorization !== `Basic ${btoa(login)}`) return answer({ error: "authorization failed" }, 401);
    const statement = searchParams.get("q");
    if (!statement) return answer({ error: 'missing required parameter "q"' }, 400);
    const measurement = /^SELECT .+ FROM (\w+)/.exec(statement)?.[1];
    const [, from] = STATEMENT.exec(statement) ?? [];
    if (measurement === undefined || (measurement === "temperature" && from === undefined)) {
      return answer({ error: "error parsing query: this simulation understands one statement" }, 400);
    }
    const database = searchParams.get("db");
    // Errors of a statement have status 200.
    if (database !== DATABASE) return result({ error: `database not found: ${database ?? ""}` });
    if (from === undefined) return result({});
    const params = tryParseJson(searchParams.get("params") ?? "");
    const values = temperatures(isObject(params) ? params["room"] : undefined, { from: Number(from), to: now() });
    return result(
      values.length === 0 ? {} : { series: [{ name: "temperature", columns: ["time", "mean"], values }] },
    );
  };
}

/** Lists the times and temperatures after a time. */
function temperatures(
  room: unknown,
  { from, to }: { readonly from: number; readonly to: number },
): (readonly [time: number, mean: number])[] {
  if (typeof room !== "string") return [];
  const first = Math.floor(from / HOUR_MS) + 1;
  const times = Array.from(
    { length: Math.max(0, Math.floor(to / HOUR_MS) - first + 1) },
    (_, i) => (first + i) * HOUR_MS,
  );
  return times.flatMap((time) => {
    const mean = temperatureAt(room, time);
    return mean === undefined ? [] : [[time, mean] as const];
  });
}

function result(fields: object): Response {
  return answer({ results: [{ "statement_id": 0, ...fields }] }, 200);
}

function answer(body: object, status: number): Response {
  return Response.json(body, { status, headers: HEADERS });
}
