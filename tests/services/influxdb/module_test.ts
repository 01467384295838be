import { assertEquals, assertRejects } from "@std/assert";
import { influxdb } from "../../../src/services/influxdb/influxdb.ts";
import { readSettings } from "../../../src/config/load.ts";
import { fakePlatform } from "../../support/platform.ts";

const SECTIONS = {
  influxdb: {
    one: { url: "http://192.168.1.21:8086", version: 1, database: "home", query: "SELECT value FROM temp" },
    two: { url: "https://influx.example", version: 3, database: "home", query: "SELECT 1", caFile: "data/ca.pem" },
    three: { url: "http://[fd00::1]", version: 3, database: "home", query: "SELECT 1" },
    four: { url: "http://192.168.1.21:8086", version: 1, database: "other", query: "SELECT value FROM temp" },
  },
};

const { config } = await readSettings(fakePlatform({}));

Deno.test("allowNet() has each server of the section once", () => {
  assertEquals(influxdb.allowNet(config, SECTIONS), ["192.168.1.21:8086", "influx.example:443", "[fd00::1]:80"]);
  assertEquals(influxdb.allowNet(config, {}), []);
});

Deno.test("allowRead() has the files of the section", () => {
  assertEquals(influxdb.allowRead?.(config, SECTIONS), ["data/ca.pem"]);
});

Deno.test("checkFiles() names a file of the section that cannot be used", async () => {
  const files = { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound("No such file")) };
  const checks = influxdb.checkFiles?.(config, { createHttpClient: Deno.createHttpClient, fetch, files }, SECTIONS) ??
    [];
  const results = await Promise.allSettled(checks);
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  await assertRejects(
    () =>
      Promise.all(
        influxdb.checkFiles?.(config, { createHttpClient: Deno.createHttpClient, fetch, files }, SECTIONS) ?? [],
      ),
    Error,
    'influxdb: caFile "data/ca.pem" cannot be read',
  );
});
