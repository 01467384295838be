import { assertEquals } from "@std/assert";
import { INFLUXDB_RIGHTS, InfluxGrants } from "../../../src/services/influxdb/rights.ts";

const change = (
  values: Readonly<Record<string, unknown>>,
  { isNamed = false, isNew = true, before = undefined as Readonly<Record<string, unknown>> | undefined } = {},
) => INFLUXDB_RIGHTS.change({ before, values, isNamed, isNew });

Deno.test("InfluxGrants grants names and patterns, separately for queries and writes", () => {
  const grants = new InfluxGrants({ queries: ["temp-*", "power"], write: ["meter"] });
  assertEquals(["temp-", "temp-attic", "power", "temp", "powers", "meter"].map((name) => grants.mayRun(name)), [
    ...[true, true, true, false, false, false],
  ]);
  assertEquals(["meter", "power"].map((name) => grants.mayWrite(name)), [true, false]);
  assertEquals(new InfluxGrants({}).mayRun("power"), false);
  assertEquals(new InfluxGrants(INFLUXDB_RIGHTS.all).mayRun("a.b_c-1"), true);
});

Deno.test("a pattern has no other wildcard than *", () => {
  const grants = new InfluxGrants({ queries: ["a.c"] });
  assertEquals([grants.mayRun("a.c"), grants.mayRun("abc")], [true, false]);
});

Deno.test("an ordinary key has no rights in InfluxDB", () => {
  assertEquals(INFLUXDB_RIGHTS.everyday, undefined);
});

Deno.test("--query and --write-series grant names, and one empty value removes them", () => {
  assertEquals(change({ query: ["temp-*"], "write-series": ["meter"] }), {
    rights: { queries: ["temp-*"], write: ["meter"] },
    isGranted: true,
    mistakes: [],
  });
  const before = { queries: ["a"], write: ["b"] };
  assertEquals(change({ query: [""] }, { before, isNew: false }).rights, { queries: [], write: ["b"] });
  assertEquals(change({ query: ["a b"] }).mistakes, [
    '--query "a b" must be a name, or a pattern with at most three * such as gate-*',
  ]);
});

Deno.test("--service influxdb alone is a mistake that names the options", () => {
  const fault = "--service influxdb grants nothing alone: add --query NAME or --write-series NAME, or '*' for all";
  assertEquals(change({}, { isNamed: true }).mistakes, [fault]);
  assertEquals(change({ query: ["a"] }, { isNamed: true }).mistakes, []);
  assertEquals(change({}, { isNamed: true, isNew: false, before: { queries: ["a"] } }).mistakes, []);
});

Deno.test("the rights are described in full, and in one line", () => {
  const rights = { queries: ["a", "b"], write: [] };
  assertEquals(INFLUXDB_RIGHTS.describe(rights), [["InfluxDB queries", "a, b"], ["InfluxDB writes", "none"]]);
  assertEquals(INFLUXDB_RIGHTS.summarize(rights), "InfluxDB query a b");
});
