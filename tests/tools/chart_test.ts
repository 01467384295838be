import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import fc from "fast-check";
import { drawCharts, ticksUpTo } from "../../tools/soak/chart.ts";

const POINTS = [{ x: 0, y: 100 }, { x: 30, y: NaN }, { x: 60, y: 50 }];

Deno.test("drawCharts() draws each panel with its title, unit and curve", () => {
  const svg = drawCharts("An hour", [{ title: "Memory", unit: "MB", points: POINTS }, {
    title: "Timers",
    unit: "count",
    points: [],
  }]);
  for (const text of ["An hour", "Memory", "MB", "Timers", "count", "minutes"]) assert(svg.includes(`>${text}<`), text);
  // The highest value on top, the last one half-way, and a gap where there is no value.
  assertMatch(svg, /class="line" d="M56 28M386 74"/);
  assertNotMatch(svg, /NaN|Infinity|undefined/);
});

Deno.test("drawCharts() escapes texts and has colours for a dark page", () => {
  const svg = drawCharts("<script>&\"'", [{ title: "</text><a>", unit: "&", points: POINTS }]);
  assertNotMatch(svg, /<script>|<a>|&(?!#\d+;)/);
  assert(svg.includes("prefers-color-scheme:dark"));
});

Deno.test("ticksUpTo() returns round numbers from 0 to at least the greatest value", () => {
  assertEquals(ticksUpTo(100), [0, 25, 50, 75, 100]);
  assertEquals(ticksUpTo(0), [0, 1]);
  fc.assert(fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (most) => {
    const ticks = ticksUpTo(most);
    assert(ticks.length >= 3 && ticks.length <= 7, String(ticks));
    assert((ticks.at(-1) ?? 0) >= most * 0.999 && ticks[0] === 0);
  }));
});
