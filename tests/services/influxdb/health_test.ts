import { assertEquals, assertRejects } from "@std/assert";
import { createInfluxCheck } from "../../../src/services/influxdb/health.ts";
import { INFLUXDB_SECTION } from "../../../src/services/influxdb/section.ts";

const ENTRY = { url: "http://influx:8086", version: 1, database: "home", query: "SELECT value FROM temp" };

function make(section: unknown, answer: (request: Request) => Response | Promise<Response>) {
  const { data = INFLUXDB_SECTION.empty } = INFLUXDB_SECTION.safeParse(section);
  const requests: Request[] = [];
  const check = createInfluxCheck({
    content: () => data,
    fetchOf: () =>
      Promise.resolve(async (input, init) => {
        const request = new Request(input, init);
        requests.push(request);
        return await answer(request);
      }),
    timeoutMs: 1000,
  });
  return { check, requests };
}

Deno.test("there is no check where the file names no InfluxDB", () => {
  assertEquals(make({}, () => new Response(null, { status: 204 })).check(), undefined);
});

Deno.test("the check asks each server once, with its login", async () => {
  const { check, requests } = make({
    one: ENTRY,
    two: { ...ENTRY, query: "SELECT other FROM temp" },
    three: { ...ENTRY, url: "https://other/base", version: 3, token: "secret", query: "SELECT 1" },
  }, () => new Response(null, { status: 204 }));
  await check();
  assertEquals(requests.map(({ url, headers }) => [url, headers.get("Authorization")]), [
    ["http://influx:8086/ping", null],
    ["https://other/base/ping", "Bearer secret"],
  ]);
});

Deno.test("the check fails with the address of the server that does not answer, and without its login", async () => {
  const secret = { ...ENTRY, username: "gateway", password: "secret" };
  const unavailable = make({ one: secret }, () => new Response("secret", { status: 503 }));
  await assertRejects(
    async () => await unavailable.check(),
    Error,
    "InfluxDB's address http://influx:8086 answered with status 503",
  );
  const away = make({ one: secret }, () => Promise.reject(new TypeError("secret")));
  const error = await assertRejects(
    async () => await away.check(),
    Error,
    "InfluxDB cannot be reached at http://influx:8086",
  );
  assertEquals(String(error.message).includes("secret"), false);
});
