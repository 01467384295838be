import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  coversFilter,
  matchesEntity,
  matchesFilter,
  widestFilters,
} from "../../../src/console/connection/topic_match.ts";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";

Deno.test("matchesFilter() agrees with the gateway for every filter and topic", () => {
  const level = fc.constantFrom("a", "b", "", "$SYS");
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
  const filter = fc.tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
    .map(([levels, hasRest]) => (hasRest || levels.length === 0 ? [...levels, "#"] : levels).join("/"));
  fc.assert(
    fc.property(filter, topic, (filter, topic) => {
      fc.pre(filter !== "" && topic !== "");
      assertEquals(matchesFilter(filter, topic), new TopicFilterSet([filter]).matches(topic));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("widestFilters() match the same topics as all filters, and none covers another", () => {
  const level = fc.constantFrom("a", "b", "+");
  const filter = fc.tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([levels, hasRest]) => (hasRest ? [...levels, "#"] : levels).join("/"));
  const topic = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
  fc.assert(fc.property(fc.array(filter, { maxLength: 6 }), topic, (filters, topic) => {
    const widest = widestFilters(filters, coversFilter);
    const matches = (some: readonly string[]) => some.some((filter) => matchesFilter(filter, topic));
    assertEquals(matches(widest), matches(filters));
    for (const one of widest) assertEquals(widest.filter((other) => coversFilter(other, one)), [one]);
  }));
});

Deno.test("matchesEntity() takes * for any characters of one part, and all other characters for themselves", () => {
  assertEquals(matchesEntity("light.*", "light.hall"), true);
  assertEquals(matchesEntity("light.*", "lighting.hall"), false);
  assertEquals(matchesEntity("sensor.*_power", "sensor.solar_power"), true);
  assertEquals(matchesEntity("*", "sensor.a"), true);
  assertEquals(matchesEntity("sensor.a", "sensorXa"), false);
  assertEquals(matchesEntity("*.hall", "a.b.hall"), false);
});
