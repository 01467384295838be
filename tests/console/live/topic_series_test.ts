import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { firstSince, statisticsOf } from "../../../src/console/screens/live/chart/statistics.ts";
import { MAX_POINTS, PointBudget, TopicSeries } from "../../../src/console/screens/live/model/topic_series.ts";

Deno.test("TopicSeries keeps the newest points in order, as a list that is cut does", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 * MAX_POINTS }), (count) => {
      const series = new TopicSeries(new PointBudget());
      for (let index = 0; index < count; index++) series.push(index, -index);
      const expected = Array.from({ length: Math.min(count, MAX_POINTS) }, (_, index) => {
        return Math.max(0, count - MAX_POINTS) + index;
      });
      assertEquals([...series.times], expected);
      assertEquals([...series.values], expected.map((value) => -value));
    }),
    { numRuns: 20 },
  );
});

Deno.test("TopicSeries never goes back in time", () => {
  const series = new TopicSeries(new PointBudget());
  for (const at of [5, 3, 7, 6]) series.push(at, at);
  assertEquals([...series.times], [5, 5, 7, 7]);
  assertEquals([...series.values], [5, 3, 7, 6]);
});

Deno.test("TopicSeries of one budget stay within it: a ring that cannot grow drops its oldest point", () => {
  const budget = new PointBudget(100);
  const all = Array.from({ length: 5 }, () => new TopicSeries(budget));
  for (const series of all) for (let index = 0; index < 200; index++) series.push(index, index);
  assert(all.reduce((sum, { length }) => sum + length, 0) <= 100);
  assertEquals(all[0]?.values.at(-1), 199);
  assertEquals(all.at(-1)?.length, 0);
});

Deno.test("firstSince() finds the first point at or after a time, and statisticsOf() what lies there", () => {
  const times = Float64Array.of(1, 2, 2, 5);
  assertEquals([0, 1, 2, 3, 6].map((since) => firstSince(times, since)), [0, 0, 1, 3, 4]);
  assertEquals(statisticsOf(Float64Array.of(3, -1, 4)), { lowest: -1, highest: 4, average: 2 });
  assertEquals(statisticsOf(new Float64Array()), undefined);
});
