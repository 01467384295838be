import { assertEquals } from "@std/assert";
import { INFLUXDB_CHECK } from "../../../src/services/influxdb/doctor.ts";
import { INFLUXD, withInfluxdb } from "../../support/influxdb_server.ts";
import { makeContext, NEVER_ABORTED } from "../../support/doctor_context.ts";
import { needing } from "../../support/needs.ts";

const ENTRY = { url: "http://influx:8086", version: 1, database: "home", query: "SELECT value FROM temp" };

async function check(section: object, fetch: (request: Request) => Response | Promise<Response>) {
  const requests: Request[] = [];
  const context = makeContext({
    sections: { influxdb: section },
    machine: {
      fetch: async (input, init) => {
        const request = new Request(input, init);
        requests.push(request);
        return await fetch(request);
      },
    },
  });
  const { status, message, remedy } = await INFLUXDB_CHECK.run(context, NEVER_ABORTED);
  return { finding: [status, message, remedy], requests };
}

const IN_FILE = "in the section influxdb of the services file";

Deno.test("the check of InfluxDB is skipped without the section", async () => {
  const { finding } = await check({}, () => Promise.reject(new TypeError()));
  assertEquals(finding, ["skipped", "Not used: the services file has no section influxdb", undefined]);
});

Deno.test("the check of InfluxDB asks each version for something that needs the login", async () => {
  const { finding, requests } = await check({
    one: ENTRY,
    two: { url: "http://influx:8086", version: 2, org: "my home", token: "t", query: 'from(bucket: "b")' },
    three: { url: "http://influx:8181", version: 3, database: "home", token: "t", query: "SELECT 1" },
  }, () => Response.json({}));
  assertEquals(requests.map(({ url, headers }) => [url, headers.get("Authorization")]), [
    ["http://influx:8086/query?db=home&q=SELECT+*+FROM+e2e_gateway_probe+LIMIT+1", null],
    ["http://influx:8086/api/v2/buckets?org=my+home&limit=1", "Token t"],
    ["http://influx:8181/api/v3/query_sql?db=home&q=SELECT+1&format=json", "Bearer t"],
  ]);
  assertEquals(finding, [
    "ok",
    "InfluxDB 1 at http://influx:8086 answers, and accepts the login\n" +
    "InfluxDB 2 at http://influx:8086 answers, and accepts the login\n" +
    "InfluxDB 3 at http://influx:8181 answers, and accepts the login",
    undefined,
  ]);
});

Deno.test("the check of InfluxDB names what is wrong, with the remedy", async () => {
  const place = "InfluxDB 1 at http://influx:8086";
  const cases: [Response, string, string][] = [
    [
      new Response("{}", { status: 401 }),
      `${place} answers HTTP 401: it refuses the login`,
      `Fix username and password ${IN_FILE}`,
    ],
    [
      Response.json({ results: [{ error: "database not found: home" }] }),
      `${place} has no database home`,
      `Fix database ${IN_FILE}`,
    ],
    [
      new Response(null, { status: 301 }),
      `${place} answers HTTP 301: it redirects to another address`,
      `Set url ${IN_FILE} to the final address`,
    ],
    [
      new Response("", { status: 500 }),
      `${place} answers HTTP 500`,
      `Check that url and version ${IN_FILE} are those of InfluxDB, and see its log`,
    ],
  ];
  for (const [response, message, remedy] of cases) {
    const { finding } = await check({ one: ENTRY }, () => response);
    assertEquals(finding, ["failed", message, remedy]);
  }
});

Deno.test(
  needing("the check of InfluxDB accepts a real InfluxDB 1, and finds a database that it does not have", {
    influxd: INFLUXD,
  }),
  async () => {
    await withInfluxdb(async ({ url, database }) => {
      const entry = { ...ENTRY, url, database };
      const good = await check({ one: entry }, fetch);
      assertEquals(good.finding.slice(0, 2), ["ok", `InfluxDB 1 at ${url} answers, and accepts the login`]);
      const wrong = await check({ one: entry, two: { ...entry, database: "other" } }, fetch);
      assertEquals(wrong.finding, [
        "failed",
        `InfluxDB 1 at ${url} has no database other\nInfluxDB 1 at ${url} answers, and accepts the login`,
        `Fix database ${IN_FILE}`,
      ]);
    });
  },
);
