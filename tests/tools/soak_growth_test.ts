import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { exceededBounds, riseOf, type SoakSample } from "../../tools/soak/growth.ts";
import { slopeOf } from "../../tools/support/statistics.ts";

const MB = 2 ** 20;

/** Samples of an hour with flat metrics, apart from the changed ones. */
function hour(change: (minutes: number) => Partial<SoakSample>): SoakSample[] {
  return Array.from({ length: 360 }, (_, index) => {
    const minutes = index / 6;
    // Streams open and close, so metrics fluctuate.
    const noise = index % 2 === 0 ? 1 : -1;
    const flat = {
      rss: (120 + 5 * noise) * MB,
      heap: (30 + noise) * MB,
      descriptors: 70 + 4 * noise,
      timers: 9,
      resources: 9,
    };
    return { minutes, streams: 30, errors: 0, ...flat, ...change(minutes) };
  });
}

Deno.test("exceededBounds() returns nothing for flat but noisy metrics, or growth in the first half only", () => {
  assertEquals(exceededBounds(hour(() => ({}))), []);
  assertEquals(exceededBounds(hour((minutes) => ({ rss: (100 + Math.min(minutes, 25)) * MB }))), []);
});

Deno.test("exceededBounds() returns each metric that still grows in the second half", () => {
  const names = (change: (minutes: number) => Partial<SoakSample>) =>
    exceededBounds(hour(change)).map(({ name }) => name);
  assertEquals(names((minutes) => ({ rss: (100 + minutes) * MB })), ["RSS"]);
  assertEquals(names((minutes) => ({ timers: Math.floor(minutes), descriptors: 70 + Math.floor(minutes / 2) })), [
    "Descriptors",
    "Timers",
  ]);
});

Deno.test("riseOf() returns the rise of a metric over the second half", () => {
  const rise = riseOf(hour((minutes) => ({ timers: 2 * minutes })), { metric: "timers" });
  assert(rise > 59 && rise < 61, String(rise));
});

Deno.test("slopeOf() returns the slope of a noisy line", () => {
  const noisy = Array.from({ length: 100 }, (_, x) => ({ x, y: 3 * x + 7 + (x % 2 === 0 ? 1 : -1) }));
  assertAlmostEquals(slopeOf(noisy), 3, 0.01);
});

Deno.test("slopeOf() is 0 for flat points and for too few", () => {
  assertEquals([slopeOf([]), slopeOf([{ x: 1, y: 5 }]), slopeOf([{ x: 1, y: 5 }, { x: 2, y: 5 }])], [0, 0, 0]);
});
