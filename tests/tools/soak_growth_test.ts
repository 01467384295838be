import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { growing, riseOf, slopeOf, type SoakSample } from "../../tools/soak/growth.ts";

const MB = 2 ** 20;

/** An hour of samples that are flat, but for what is changed. */
function hour(change: (minutes: number) => Partial<SoakSample>): SoakSample[] {
  return Array.from({ length: 360 }, (_, index) => {
    const minutes = index / 6;
    // Streams come and go, so figures go up and down.
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

Deno.test("growing() finds nothing in what is flat but noisy, or grew in the first half only", () => {
  assertEquals(growing(hour(() => ({}))), []);
  assertEquals(growing(hour((minutes) => ({ rss: (100 + Math.min(minutes, 25)) * MB }))), []);
});

Deno.test("growing() names each figure that still grows in the second half", () => {
  const names = (change: (minutes: number) => Partial<SoakSample>) => growing(hour(change)).map(({ name }) => name);
  assertEquals(names((minutes) => ({ rss: (100 + minutes) * MB })), ["RSS"]);
  assertEquals(names((minutes) => ({ timers: Math.floor(minutes), descriptors: 70 + Math.floor(minutes / 2) })), [
    "Descriptors",
    "Timers",
  ]);
});

Deno.test("riseOf() tells how much a figure rises over the second half", () => {
  const rise = riseOf(hour((minutes) => ({ timers: 2 * minutes })), { figure: "timers" });
  assert(rise > 59 && rise < 61, String(rise));
});

Deno.test("slopeOf() finds the rise of a line, also through noise", () => {
  const noisy = Array.from({ length: 100 }, (_, x) => ({ x, y: 3 * x + 7 + (x % 2 === 0 ? 1 : -1) }));
  assertAlmostEquals(slopeOf(noisy), 3, 0.01);
});

Deno.test("slopeOf() is 0 for what is flat, and for too few points", () => {
  assertEquals([slopeOf([]), slopeOf([{ x: 1, y: 5 }]), slopeOf([{ x: 1, y: 5 }, { x: 2, y: 5 }])], [0, 0, 0]);
});
