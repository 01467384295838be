import { assertEquals, assertThrows } from "@std/assert";
import { formatDuration, Progress } from "../../tools/support/progress.ts";
import { readNumber } from "../../tools/support/tool_args.ts";
import { UsageError } from "../../src/cli/args.ts";

Deno.test("Progress counts the steps and estimates the remaining time", () => {
  const lines: string[] = [];
  let now = 5000;
  const progress = new Progress(4, { monotonic: () => now, report: (text) => void lines.push(text) });
  for (const [name, ms] of [["one", 40_000], ["two", 50_000], ["three", 150_000], ["four", 0]] as const) {
    progress.step(name);
    now += ms;
  }
  assertEquals(lines, [
    "[1/4] one",
    "[2/4] two, 40 s so far, about 2 min left",
    "[3/4] three, 90 s so far, about 90 s left",
    "[4/4] four, 4 min so far, about 80 s left",
  ]);
});

Deno.test("formatDuration() writes seconds below two minutes, and minutes above", () => {
  assertEquals([0, 1400, 119_000, 120_000, 3_600_000].map(formatDuration), ["0 s", "1 s", "119 s", "2 min", "60 min"]);
});

Deno.test("readNumber() accepts numbers in its range, with grouped digits if whole, and nothing else", () => {
  const rule = { name: "N", standard: 7, min: 1, max: 1_000_000 };
  assertEquals(readNumber(undefined, rule), 7);
  assertEquals(readNumber("2.5", rule), 2.5);
  assertEquals(readNumber("1_000_000", { ...rule, isWhole: true }), 1_000_000);
  for (const text of ["", " 1", "0", "1000001", "1e3", "0x10", "NaN", "Infinity", "-1", "abc"]) {
    assertThrows(() => readNumber(text, rule), UsageError, `N must be a number from 1 to 1000000, not "${text}"`);
  }
  assertThrows(() => readNumber("2.5", { ...rule, isWhole: true }), UsageError, "whole number");
});
