import { assert, assertEquals } from "@std/assert";
import { exactValuesWeight, isNestedDeeper, payloadWeight, valuesWeight } from "../../src/lib/json_weight.ts";

Deno.test("payloadWeight() counts values as well as characters", () => {
  const text = JSON.stringify({ message: "x".repeat(300_000) });
  const lists = JSON.stringify({ params: { list: Array(100_000).fill([]) } });
  assert(payloadWeight(text) < 5 * text.length);
  assert(payloadWeight(lists) > 25 * lists.length);
});

Deno.test("valuesWeight() detects short texts of many values, and accepts a large home", () => {
  const events = Array(100_000).fill({
    datetime: 1700000000.5,
    name: "cmd::update",
    option: { "cmd_id": "1", value: 1 },
  });
  assert(valuesWeight(JSON.stringify(events)) < 32 * 2 ** 20);
  assert(valuesWeight(`[${"{},".repeat(2_700_000)}{}]`) > 96 * 2 ** 20);
});

Deno.test("exactValuesWeight() counts each number as an object, and accepts a large home", () => {
  const states = Array(10_000).fill({
    "entity_id": "sensor.temperature_of_the_kitchen",
    state: "20.5",
    attributes: { "unit_of_measurement": "°C", "device_class": "temperature", "friendly_name": "Kitchen" },
    "last_changed": "2026-01-31T18:00:00.123456+00:00",
    "last_updated": "2026-01-31T18:00:00.123456+00:00",
  });
  assert(exactValuesWeight(JSON.stringify(states)) < 8 * 2 ** 20);
  assert(exactValuesWeight(`[${"1.0,".repeat(800_000)}1.0]`) > 48 * 2 ** 20);
});

Deno.test("isNestedDeeper() counts levels, and no brackets in strings", () => {
  const nested = (levels: number) => `${'{"a":['.repeat(levels)}1${"]}".repeat(levels)}`;
  assertEquals([isNestedDeeper(20, nested(10)), isNestedDeeper(19, nested(10))], [false, true]);
  assertEquals(isNestedDeeper(1, JSON.stringify(["[[[[", '"[[[', "\\[[["])), false);
  assertEquals(isNestedDeeper(2, `[${"[{}],".repeat(9)}[[]]]`), true);
  assertEquals(isNestedDeeper(3, `[${"[{}],".repeat(9)}[[]]]`), false);
});
