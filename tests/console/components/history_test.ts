/** Figures of a history, and the axes of its chart. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { numberForm, timeForm, valueRange } from "../../../src/console/components/chart_axes.ts";
import { lastingUntil, valuesOf } from "../../../src/console/components/history_values.ts";

Deno.test("valuesOf() weighs the average by time, leaves gaps out, and counts changes", () => {
  const figures = valuesOf({ times: [0, 1000, 4000, 5000, 6000], values: [10, 20, null, 30, 30] });
  assertEquals(figures, { lowest: 10, highest: 30, average: 20, last: 30, count: 4, changes: 2 });
  assertEquals(valuesOf({ times: [5], values: [7] })?.average, 7);
  assertEquals(valuesOf({ times: [1, 2], values: [null, null] }), undefined);
});

Deno.test("valuesOf() takes a hundred thousand points", () => {
  const times = Float64Array.from({ length: 100_000 }, (_, index) => index);
  const figures = valuesOf({ times, values: times });
  assertEquals([figures?.count, figures?.highest], [100_000, 99_999]);
  assertAlmostEquals(figures?.average ?? 0, 49_999, 1);
});

Deno.test("lastingUntil() draws a state to the end of the chart, also one that never changed", () => {
  assertEquals(lastingUntil({ times: [5], values: [1] }, 9), { times: [5, 9], values: [1, 1] });
  for (const data of [{ times: [], values: [] }, { times: [9], values: [0] }, { times: [12], values: [0] }]) {
    assertEquals(lastingUntil(data, 9), data);
  }
});

Deno.test("valueRange() holds all values, and is never empty", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
      fc.double({ noNaN: true, min: 0, max: 1e9 }),
      (low, more) => {
        const [from, to] = valueRange(low, low + more);
        return from <= low && to >= low + more && to > from;
      },
    ),
  );
  assertEquals(valueRange(null, null), [0, 1]);
});

Deno.test("valueRange() leaves room for the steps of an axis, whatever numbers a device sends", () => {
  const number = fc.double({ noNaN: false });
  fc.assert(fc.property(number, number, (one, other) => {
    const [from, to] = valueRange(Math.min(one, other), Math.max(one, other));
    assert(Number.isFinite(from) && to > from);
    // The library divides an axis in at most some hundred steps, and adds one to another.
    assert(from + (to - from) / 500 > from && to - (to - from) / 500 < to);
  }));
  assertEquals(valueRange(1e17, 1e17 + 16)[0] < 1e17 - 1e15, true);
  assertEquals([valueRange(-Infinity, 1), valueRange(NaN, NaN), valueRange(0, 1e300)], [[0, 1], [0, 1], [0, 1]]);
});

Deno.test("numberForm() tells the numbers of an axis apart, and is short for any", () => {
  const write = (step: number, ...values: number[]) =>
    values.map((value) => new Intl.NumberFormat("en", numberForm(step, Math.max(...values))).format(value));
  assertEquals(write(0.5, 20, 20.5), ["20.0", "20.5"]);
  assertEquals(write(10, 1_234_560, 1_234_570), ["1,234,560", "1,234,570"]);
  assertEquals(write(5e28, 1e30, 1.05e30), ["1E30", "1.05E30"]);
  assertEquals(write(1e-9, 1e-9, 2e-9), ["1E-9", "2E-9"]);
});

Deno.test("timeForm() shows days, minutes or seconds, as times are apart", () => {
  assertEquals([86_400_000, 60_000, 1000].map((ms) => Object.keys(timeForm(ms)).at(-1)), ["month", "minute", "second"]);
});
