import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TimestampRanges } from "../../src/store/timestamp_ranges.ts";

Deno.test("includes() returns true for all added timestamps, in any order", () => {
  fc.assert(fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })), (stamps) => {
    const ranges = new TimestampRanges();
    for (const stamp of stamps) ranges.add(stamp);
    for (const stamp of stamps) assert(ranges.includes(stamp), String(stamp));
    const copy = ranges.copy();
    for (const stamp of stamps) assert(copy.includes(stamp), String(stamp));
  }));
});

Deno.test("includes() returns false for distant timestamps, however many were added", () => {
  const ranges = new TimestampRanges();
  for (let second = 0; second < 3600; second++) ranges.add(1000 + second);
  // While the clock was an hour ahead.
  for (let second = 0; second < 600; second++) ranges.add(9000 + second);
  for (const [stamp, expected] of [[999, false], [1000, true], [4599, true], [4600, false], [8999, false]] as const) {
    assertEquals(ranges.includes(stamp), expected, String(stamp));
  }
  assertEquals([ranges.includes(9599), ranges.includes(9600)], [true, false]);
});

Deno.test("includes() returns false for the next hour, however many nights were added", () => {
  const ranges = new TimestampRanges();
  for (let night = 0; night < 40; night++) ranges.add(night * 28_800);
  const now = 40 * 28_800;
  for (let second = 0; second < 60; second++) ranges.add(now + 3600 + second);
  for (const later of [1, 600, 3599]) assertEquals(ranges.includes(now + later), false, String(later));
});

Deno.test("copy() returns an independent set", () => {
  const ranges = new TimestampRanges();
  ranges.add(1);
  const copy = ranges.copy();
  ranges.add(2);
  assertEquals([copy.includes(2), ranges.includes(2)], [false, true]);
});
