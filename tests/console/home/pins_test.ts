import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { sparkPath } from "../../../src/console/components/spark_path.ts";
import {
  candidatesOf,
  guessUnit,
  MAX_PINS,
  type Pin,
  readPins,
  valueOf,
} from "../../../src/console/screens/home/pins/pin.ts";
import { firstPinsOf } from "../../../src/console/screens/home/pins/first_pins.ts";
import {
  decimalsOf,
  type Point,
  readSeries,
  trendOf,
  withPoint,
} from "../../../src/console/screens/home/pins/series.ts";

const of = (topic: string, payload: string, service: Pin["service"] = "mqtt") =>
  candidatesOf({ service, topic, payload }).map(({ label, unit, value, path }) => [label, value, unit, path.join(".")]);

Deno.test("candidatesOf() offers plain values, and the members of JSON objects one by one", () => {
  assertEquals(of("home/living-room/temperature", "21.50"), [["Living room temperature", 21.5, "°C", ""]]);
  assertEquals(
    of("zigbee2mqtt/bath", '{"humidity":54,"update":{"state":"idle"},"list":[1]}'),
    [
      ["Bath humidity", 54, "%", "humidity"],
      ["Update state", "idle", "", "update.state"],
    ].map((row) => row[0] === "Update state" ? ["Bath update", "idle", "", "update.state"] : row),
  );
  assertEquals(of("home/gate/state", "closed"), [["Gate", "closed", "", ""]]);
  assertEquals(of("home/log", "x".repeat(100)), []);
});

Deno.test("candidatesOf() takes name and unit of an entity from Home Assistant", () => {
  const state = { state: "412", attributes: { friendly_name: "Power", unit_of_measurement: "W" } };
  assertEquals(of("sensor.power", JSON.stringify(state), "home_assistant"), [["Power", 412, "W", "state"]]);
  assertEquals(of("sensor.power", "null", "home_assistant"), []);
});

Deno.test("candidatesOf() and valueOf() agree, and never throw, for every payload", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (payload) => {
    for (const candidate of candidatesOf({ service: "mqtt", topic: "a/b", payload })) {
      assertEquals(valueOf(candidate, payload), candidate.value);
    }
  }));
});

Deno.test("valueOf() gives no number that cannot be counted", () => {
  assertEquals(["1e999", "-1e999", "1e308"].map((payload) => valueOf({ path: [] }, payload)), [
    "1e999",
    "-1e999",
    1e308,
  ]);
  assertEquals(valueOf({ path: ["a"] }, '{"a":1e999}'), undefined);
});

Deno.test("firstPinsOf() chooses at most six measurements, temperatures first", () => {
  const messages = ["a/power 412", "a/temperature 20", "b/temperature 7", "a/door open", "a/count 5", "a/humidity 47"];
  const candidates = messages.map((text) => text.split(" ")).flatMap(([topic = "", payload = ""]) =>
    candidatesOf({ service: "mqtt", topic, payload })
  );
  const first = firstPinsOf(candidates).map(({ topic }) => topic);
  assertEquals(first, ["a/temperature", "b/temperature", "a/humidity", "a/power"]);
  const many = Array.from(
    { length: 50 },
    (_, index) => ({ service: "mqtt" as const, topic: `${index}/power`, payload: "1" }),
  );
  assertEquals(firstPinsOf(many.flatMap(candidatesOf)).length, 6);
  assertEquals(Object.keys(firstPinsOf(candidates)[0] ?? {}).includes("value"), false);
});

Deno.test("guessUnit() names a unit only where one is usual", () => {
  const names = ["temperature", "co2", "power", "power_factor", "pressure", "energy", "illuminance_lux"];
  assertEquals(names.map(guessUnit), ["°C", "ppm", "W", "", "", "", "lx"]);
});

Deno.test("readPins() and readSeries() leave out what is malformed", () => {
  const pin = { service: "mqtt", topic: "a", path: [], label: "A", unit: "" };
  assertEquals(readPins([pin, { ...pin, path: [1] }, null, "x"]).length, 1);
  assertEquals(readPins(Array(100).fill(pin)).length, MAX_PINS);
  assertEquals([readPins(undefined), readSeries({})], [[], []]);
  assertEquals(readSeries([{ at: 1, value: 2 }, { at: 1 }, null]), [{ at: 1, value: 2 }]);
});

Deno.test("withPoint() stays bounded and in order", () => {
  let series: readonly Point[] = [];
  for (let at = 0; at < 1000; at += 1) series = withPoint(series, { at, value: at });
  assertEquals([series.length, series[0]?.at, series.at(-1)?.at], [240, 760, 999]);
  assertEquals(withPoint(series, { at: 1, value: 0 }), series);
  assertEquals(withPoint(series, { at: 999, value: 5 }).at(-1), { at: 999, value: 5 });
  assertEquals(trendOf(series), { change: 239, overMs: 239 });
  assertEquals(trendOf([{ at: 1, value: 1 }]), undefined);
});

Deno.test("decimalsOf() is the most decimals in a series, two at most", () => {
  const series = [20, 20.5, 1.23456].map((value, at) => ({ at, value }));
  assertEquals([1, 2, 3].map((length) => decimalsOf(series.slice(0, length))), [0, 1, 2]);
  assertEquals([decimalsOf([]), decimalsOf([{ at: 0, value: 1e300 }])], [0, 0]);
  // Any other number would be one that the browser refuses, for as long as the series has it.
  const doubles = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 5 });
  fc.assert(fc.property(doubles, (values) => {
    assertEquals([0, 1, 2].includes(decimalsOf(values.map((value, at) => ({ at, value })))), true);
  }));
  assertEquals(decimalsOf([{ at: 0, value: 1.234567e21 }, { at: 1, value: 5 }]), 0);
});

Deno.test("sparkPath() stays within its drawing for every series", () => {
  const size = { width: 160, height: 46, margin: 6 };
  const point = fc.record({
    at: fc.integer({ min: 0, max: 1e12 }),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  });
  fc.assert(fc.property(fc.array(point, { minLength: 1, maxLength: 20 }), (points) => {
    const path = sparkPath(points.toSorted((one, other) => one.at - other.at), size);
    for (const [x = NaN, y = NaN] of path.slice(1).split("L").map((step) => step.split(" ").map(Number))) {
      assertEquals(x >= 0 && x <= 160 && y >= 6 && y <= 40, true, path);
    }
  }));
  assertEquals(sparkPath([], size), "");
});

Deno.test("sparkPath() draws the first value as the one before while it knows less than a quarter of a minute", () => {
  const size = { width: 100, height: 40, margin: 0 };
  assertEquals(sparkPath([{ at: 1, value: 7 }], size), "M0.0 20.0L100.0 20.0");
  assertEquals(
    sparkPath([{ at: 7500, value: 0 }, { at: 15_000, value: 1 }], size),
    "M0.0 40.0L50.0 40.0L100.0 0.0",
  );
});
