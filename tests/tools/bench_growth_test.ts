/** Growth of a cost with the size of the work, as `bench:growth` judges it. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { growthOf } from "../../tools/bench/growth/growth_of.ts";

const SIZES = [100, 200, 400, 800] as const;

const costs = (exponent: number, unit = 1) => SIZES.map((size) => unit * (size / 100) ** exponent);

Deno.test("growthOf() returns the exponent, and finds more than linear growth steep", () => {
  for (const exponent of [0, 1, 1.2, 1.4, 2]) {
    const growth = growthOf({ sizes: SIZES }, costs(exponent, 10));
    assertAlmostEquals(growth.exponent, exponent, 0.001);
    assertEquals(growth.isSteep, exponent > 1.3);
  }
});

Deno.test("growthOf() finds linear growth steep in a case that must be flat", () => {
  const isSteep = (exponent: number) => growthOf({ sizes: SIZES, isFlat: true }, costs(exponent, 10)).isSteep;
  assertEquals([0, 0.4, 0.8, 1].map(isSteep), [false, false, true, true]);
});

Deno.test("growthOf() finds no cost steep that is too small to measure", () => {
  assertEquals(growthOf({ sizes: SIZES }, costs(2, 0.001)).isSteep, false);
  assertEquals(growthOf({ sizes: SIZES }, [0, 0, 0, 0]).exponent, 0);
});
