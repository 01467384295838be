/** Queries and writes of a real InfluxDB 1 through a gateway process in its sandbox. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Channel } from "../../src/client/channel.ts";
import { makeRecord } from "../support/gateway.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { INFLUXD, withInfluxdb } from "../support/influxdb_server.ts";
import { needing } from "../support/needs.ts";
import { inTempDir } from "../support/temp_dir.ts";

const PASSWORD = "correct horse battery staple";

Deno.test(
  needing("a key with --query and --write-series queries and writes InfluxDB, and nothing else", { influxd: INFLUXD }),
  () =>
    inTempDir(async (directory) => {
      await withInfluxdb(async ({ url, database }) => {
        const temperatures = (name: string) =>
          `  ${name}:
    url: ${url}
    version: 1
    database: ${database}
    username: gateway
    password: "\${INFLUXDB_PASSWORD}"
    query: "SELECT mean(value) FROM temp WHERE room = $room AND time > $from GROUP BY time(10m) fill(none)"
    params: { room: { type: text }, from: { type: time, maxAge: 31d } }
`;
        const path = `${directory}/services.yaml`;
        const section = `influxdb:
${temperatures("temperatures")}
  meter:
    url: ${url}
    version: 1
    database: ${database}
    username: gateway
    password: "\${INFLUXDB_PASSWORD}"
    write: { measurements: { temp: { tags: { room: { type: text } }, fields: { value: { type: number } } } } }
`;
        await Deno.writeTextFile(path, section, { mode: 0o600 });
        await Deno.writeTextFile(`${directory}/.env`, `INFLUXDB_PASSWORD="${PASSWORD}"\n`);
        const record = makeRecord({
          name: "tablet",
          rights: { influxdb: { queries: ["temp*"], write: ["meter"] } },
        });
        const gateway = await startGatewayProcess({}, { directory, keys: [record] });
        gateway.keepSecret("password", PASSWORD);
        const phone = (key: string) => {
          const channel = new Channel({ url: gateway.url, key, protocol: 2 });
          const signal = AbortSignal.timeout(30_000);
          return (fields: Record<string, unknown>) =>
            channel.call({ service: "influxdb", ...fields }, { route: "/gateway", signal });
        };
        try {
          const ask = phone(record.secret.toHex());
          const value = {
            write: "meter",
            measurement: "temp",
            tags: { room: "it's, = \\here" },
            fields: { value: 20.5 },
          };
          assertEquals((await ask(value)).body, { success: true });
          const query = { query: "temperatures", params: { room: "it's, = \\here", from: "-1d" } };
          const { status, body } = await ask(query);
          assertEquals([status, Object.keys(body as object)], [200, ["columns", "rows"]]);
          const { columns, rows } = body as { readonly columns: unknown; readonly rows: readonly unknown[][] };
          assertEquals([columns, rows.length, rows[0]?.[1]], [["time", "mean"], 1, 20.5]);
          assert(Math.abs(Number(rows[0]?.[0]) - Date.now()) < 3_600_000);
          await assertRejects(() => ask({ query: "humidity" }), Error, "This key may not run the query humidity");
          await assertRejects(
            () => phone(gateway.key)({ ...query, params: {} }),
            Error,
            "Missing required field: params.room",
          );

          await Deno.writeTextFile(path, section + temperatures("temp2"));
          await gateway.output.line((text) => text.includes("Services file {file} loaded"));
          assertEquals((await ask({ ...query, query: "temp2" })).status, 200);

          const ready = await (await fetch(`${gateway.metricsUrl}/health/ready`)).json();
          assertEquals(ready.parts.influxdb, "ok");
        } finally {
          assertEquals(await gateway.stop(), 0);
        }
      }, { login: { username: "gateway", password: PASSWORD } });
    }),
);
