/** Growth of a cost with the size of the work, as `bench:growth` judges it. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { growthOf } from "../../tools/bench/growth/growth_of.ts";

const SIZES = [100, 200, 400, 800];

const costs = (exponent: number, unit = 1) => SIZES.map((size) => unit * (size / 100) ** exponent);

Deno.test("growthOf() returns the exponent, and finds more than linear growth steep", () => {
  for (const exponent of [0, 1, 1.1, 1.3, 2]) {
    const growth = growthOf(SIZES, costs(exponent, 10));
    assertAlmostEquals(growth.exponent, exponent, 0.001);
    assertEquals(growth.isSteep, exponent > 1.2);
  }
});

Deno.test("growthOf() ignores the smallest size, and costs that are too small to measure", () => {
  assertAlmostEquals(growthOf(SIZES, [1_000, 2, 4, 8]).exponent, 1, 0.001);
  assertEquals(growthOf(SIZES, costs(2, 0.001)).isSteep, false);
  assertEquals(growthOf(SIZES, [0, 0, 0, 0]).exponent, 0);
});
