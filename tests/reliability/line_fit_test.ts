import { assertAlmostEquals, assertEquals } from "@std/assert";
import { slopeOf } from "../../reliability/line_fit.ts";

Deno.test("slopeOf() finds the rise of a line, also through noise", () => {
  const noisy = Array.from({ length: 100 }, (_, x) => ({ x, y: 3 * x + 7 + (x % 2 === 0 ? 1 : -1) }));
  assertAlmostEquals(slopeOf(noisy), 3, 0.01);
});

Deno.test("slopeOf() is 0 for what is flat, and for too few points", () => {
  assertEquals([slopeOf([]), slopeOf([{ x: 1, y: 5 }]), slopeOf([{ x: 1, y: 5 }, { x: 2, y: 5 }])], [0, 0, 0]);
});
