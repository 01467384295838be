/** The simulated InfluxDB beside a real one. */
import { assertEquals } from "@std/assert";
import { createSimulatedInfluxdb, DATABASE, temperatureAt } from "../../src/demo/simulated_influxdb.ts";
import { INFLUXD, withInfluxdb } from "../support/influxdb_server.ts";
import { needing } from "../support/needs.ts";

const HOUR_MS = 3_600_000;

const LOGIN = { username: "gateway", password: "demo" };

Deno.test(needing("the simulated InfluxDB answers as InfluxDB 1 does", { influxd: INFLUXD }), async () => {
  await withInfluxdb(async ({ url, database, write }) => {
    assertEquals(database, DATABASE);
    const now = Date.now();
    const hours = Array.from({ length: 30 }, (_, index) => Math.floor(now / HOUR_MS - index) * HOUR_MS);
    await write(
      ...["kitchen", "attic"].flatMap((room) =>
        hours.map((ms) => `temperature,room=${room} value=${temperatureAt(room, ms)} ${ms}`)
      ),
    );
    const simulated = createSimulatedInfluxdb({ login: `${LOGIN.username}:${LOGIN.password}`, now: () => now });
    const toSimulated = (input: RequestInfo | URL, init?: RequestInit) =>
      Promise.resolve(simulated(new Request(input, init)));
    const ask = async (send: typeof fetch, path: string, login = "gateway:demo") => {
      const headers: Record<string, string> = login === "" ? {} : { Authorization: `Basic ${btoa(login)}` };
      const response = await send(`${url}${path}`, { headers });
      const isJson = response.headers.get("Content-Type") === "application/json";
      const text = await response.text();
      return { status: response.status, body: isJson && text !== "" ? JSON.parse(text) : undefined };
    };
    const query = (q: string, db = DATABASE, params = "{}") =>
      `/query?${new URLSearchParams({ db, q, params, epoch: "ms" })}`;
    const mean = (from: number) =>
      "SELECT mean(value) FROM temperature WHERE room = $room " +
      `AND time > ${from}ms GROUP BY time(1h) fill(none)`;
    const missing = "SELECT * FROM e2e_gateway_probe LIMIT 1";
    for (
      const [path, login] of [
        ["/ping"],
        [query(mean(now - 3 * HOUR_MS), DATABASE, '{"room":"kitchen"}')],
        [query(mean(now - 25 * HOUR_MS), DATABASE, '{"room":"attic"}')],
        [query(mean(hours[2] ?? 0), DATABASE, '{"room":"attic"}')],
        [query(mean(now - 3 * HOUR_MS), DATABASE, '{"room":"cellar"}')],
        [query(missing)],
        [query(missing, "other")],
        [query("")],
        [query(missing), ""],
        [query(missing), "gateway:wrong"],
      ] as const
    ) {
      assertEquals(await ask(toSimulated, path, login), await ask(fetch, path, login), path);
    }
  }, { login: LOGIN });
});
