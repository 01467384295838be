/** Scale of a slider. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decimalsOf, scaleOf, snap } from "../../../src/console/commands/scale.ts";

Deno.test("snap() stays on the scale for every number", () => {
  const scale = fc.record({ min: fc.integer({ min: -50, max: 50 }), steps: fc.integer({ min: 1, max: 200 }) });
  const step = fc.constantFrom(0.1, 0.5, 1, 5);
  fc.assert(fc.property(scale, step, fc.double({ noNaN: true, min: -1e6, max: 1e6 }), ({ min, steps }, step, value) => {
    const max = min + steps * step;
    const snapped = snap(value, { min, max, step });
    assert(snapped >= min && snapped <= max);
    const count = (snapped - min) / step;
    assert(snapped === max || Math.abs(count - Math.round(count)) < 1e-6, `${snapped} of ${min} by ${step}`);
  }));
  assertEquals([0.5, 1, 0.25, 1e-7].map(decimalsOf), [1, 0, 2, 6]);
});

Deno.test("scaleOf() makes a scale on which every number has a place, or none", () => {
  fc.assert(fc.property(fc.double(), fc.double(), fc.double(), fc.double(), (min, max, step, value) => {
    const scale = scaleOf({ min, max, step });
    if (scale === undefined || Number.isNaN(value)) return;
    const snapped = snap(value, scale);
    assert(snapped >= min && snapped <= max, `${value} becomes ${snapped}`);
  }));
  assertEquals(scaleOf({ min: 0, max: 10 }), { min: 0, max: 10, step: 0.1 });
  assertEquals(scaleOf({ min: 0, max: 10, step: 20 }), { min: 0, max: 10, step: 0.1 });
  const none = [[0, 0], [1, 0], [NaN, 1], [-Infinity, 1], [-Number.MAX_VALUE, Number.MAX_VALUE], [1e300, 1e300 + 1]];
  assertEquals(none.map(([min = 0, max = 0]) => scaleOf({ min, max })), none.map(() => undefined));
});
