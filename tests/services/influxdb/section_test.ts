import { assertEquals } from "@std/assert";
import { INFLUXDB_SECTION, serversOf } from "../../../src/services/influxdb/section.ts";

const TEMPERATURES = {
  url: "http://192.168.1.21:8086",
  version: 1,
  database: "home",
  query: "SELECT mean(value) FROM temp WHERE room = $room AND time > $from GROUP BY time(10m)",
  params: { room: { type: "text" }, from: { type: "time", maxAge: "31d" } },
};

const METER = {
  url: "https://influx.example/base",
  version: 2,
  org: "home",
  bucket: "power",
  token: "secret",
  write: {
    measurements: {
      power: { tags: { room: { type: "enum", values: ["attic"] } }, fields: { watts: { type: "number", min: 0 } } },
    },
  },
};

/** Faults of an entry, as `path: message`. */
function faultsOf(entry: unknown, name = "one"): string[] {
  const { error } = INFLUXDB_SECTION.safeParse({ [name]: entry });
  return error?.issues.map(({ path, message }) => `${path.slice(1).join(".")}: ${message}`) ?? [];
}

Deno.test("the section has queries and writes by name, each with its server", () => {
  const { data, error } = INFLUXDB_SECTION.safeParse({ temperatures: TEMPERATURES, meter: METER });
  assertEquals(error, undefined);
  if (data === undefined) throw new Error("No section");
  assertEquals([[...data.queries.keys()], [...data.writes.keys()]], [["temperatures"], ["meter"]]);
  assertEquals(serversOf(data).map(({ url, version }) => [url.href, version]), [
    ["http://192.168.1.21:8086/", 1],
    ["https://influx.example/base", 2],
  ]);
  assertEquals([...data.queries.get("temperatures")?.params.keys() ?? []], ["room", "from"]);
});

Deno.test("the section is empty where the file has none", () => {
  assertEquals(serversOf(INFLUXDB_SECTION.empty), []);
});

Deno.test("the section names the field that is missing, wrong or for another version", () => {
  const { database: _, ...withoutDatabase } = TEMPERATURES;
  assertEquals(faultsOf(withoutDatabase), ["database: must be given with version 1"]);
  assertEquals(faultsOf({ ...TEMPERATURES, version: 4 }), ["version: must be 1, 2 or 3"]);
  assertEquals(faultsOf({ ...TEMPERATURES, org: "home" }), ["org: is for version 2: version 1 and 3 have database"]);
  assertEquals(faultsOf({ ...METER, org: undefined, token: undefined }), [
    "org: must be given with version 2",
    "token: must be given with version 2",
  ]);
  assertEquals(faultsOf({ ...METER, bucket: undefined }), ["bucket: must be given with write and version 2"]);
  assertEquals(faultsOf({ ...TEMPERATURES, query: undefined, params: undefined }), [
    "query: must be given, or write, but not both",
  ]);
  assertEquals(faultsOf({ ...METER, maxRows: 5 }), ["maxRows: is for query, not for write"]);
  assertEquals(faultsOf({ ...TEMPERATURES, username: "a", token: "b" }), [
    "token: must not come together with username",
  ]);
  assertEquals(faultsOf({ ...TEMPERATURES, password: "a" }), ["username: must be given with password"]);
  assertEquals(faultsOf({ ...TEMPERATURES, caFile: "data/ca.pem" }), ["caFile: needs https:// in url"]);
  assertEquals(faultsOf({ ...TEMPERATURES, timeout: 0 }), ["timeout: must be a number from 0.1 to 300"]);
  assertEquals(INFLUXDB_SECTION.safeParse({ one: { ...TEMPERATURES, querry: "x" } }).error?.issues[0]?.keys, [
    "querry",
  ]);
  assertEquals(INFLUXDB_SECTION.safeParse({ "a/b": TEMPERATURES }).success, false);
});

Deno.test("the section refuses addresses that the gateway never connects to, and logins in an address", () => {
  assertEquals(faultsOf({ ...TEMPERATURES, url: "http://169.254.169.254" }), [
    "url: must be another address: this one is a link-local address",
  ]);
  assertEquals(faultsOf({ ...TEMPERATURES, url: "http://user:secret@influx" }), [
    "url: must not contain a user name or password",
  ]);
  assertEquals(faultsOf({ ...TEMPERATURES, url: "influx:8086" }), [
    "url: must be an address such as http://192.168.1.21:8086",
  ]);
});

Deno.test("the section refuses a query whose placeholders and parameters differ", () => {
  assertEquals(faultsOf({ ...TEMPERATURES, params: { room: { type: "text" } } }), [
    "query: has $from, which params does not define",
  ]);
  assertEquals(faultsOf({ ...TEMPERATURES, params: { ...TEMPERATURES.params, to: { type: "time" } } }), [
    "query: has no $to, which params defines",
  ]);
  assertEquals(faultsOf({ ...TEMPERATURES, query: "DROP DATABASE home", params: {} }), [
    "query: must begin with SELECT or SHOW",
  ]);
});

Deno.test("the section names what is wrong with a parameter", () => {
  const faults = (room: unknown) =>
    faultsOf({ ...TEMPERATURES, params: { ...TEMPERATURES.params, room } }).map((fault) =>
      fault.replace("params.room", "")
    );
  assertEquals(faults({ type: "word" }), [".type: must be time, enum, identifier, number, text or duration"]);
  assertEquals(faults({ type: "identifier" }), [
    ".values: must be given, or pattern: a request could name anything otherwise",
  ]);
  assertEquals(faults({ type: "enum", values: [] }), [".values: must be a list of 1 to 100 texts"]);
  assertEquals(faults({ type: "number", min: 5, max: 1 }), [".max: must not be below min"]);
  assertEquals(faults({ type: "duration", min: "1h", max: "5m" }), [".max: must not be below min"]);
  assertEquals(faults({ type: "time", maxAge: "31 days" }), [
    ".maxAge: must be a duration such as 30s, 10m, 24h, 31d or 4w, at most fifty years",
  ]);
  assertEquals(faults({ type: "enum", values: ["a"], default: "b" }), [".default: must be one of: a"]);
  for (const value of ["2027-01-31", 1_800_000_000]) {
    assertEquals(faults({ type: "time", default: value }), [".default: must be relative, such as -7d, or now"]);
  }
  assertEquals(faults({ type: "time", maxAge: "1d", default: "-2d" }), [".default: must be at most 1d ago"]);
  assertEquals(faults({ type: "time", default: "-2d" }), []);
});

Deno.test("the section refuses measurements without fields, and names that line protocol gives a meaning", () => {
  const faults = (measurements: unknown) =>
    faultsOf({ ...METER, write: { measurements } }).map((fault) => fault.split(":")[0]);
  assertEquals(faults({}), ["write.measurements"]);
  assertEquals(faults({ power: { fields: {} } }), ["write.measurements.power.fields"]);
  assertEquals(faults({ "a,b": { fields: { c: { type: "number" } } } }), ["write.measurements.a,b"]);
  assertEquals(faults({ power: { fields: { time: { type: "number" } } } }), ["write.measurements.power.fields.time"]);
  assertEquals(faults({ power: { tags: { a: { type: "text" } }, fields: { a: { type: "number" } } } }), [
    "write.measurements.power.fields.a",
  ]);
});
