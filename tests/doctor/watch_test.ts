import { assertEquals } from "@std/assert";
import { ok } from "../../src/doctor/check.ts";
import type { Report } from "../../src/doctor/report.ts";
import { watch } from "../../src/doctor/run_checks.ts";
import { within } from "../support/deadline.ts";

const report = (at: number): Report => ({ version: "1.0.0", at, results: [{ name: "clock", ...ok("Right") }] });

Deno.test("watch() goes on until it is told to end, and tells each round beside the one before", async () => {
  const stop = new AbortController();
  const told: (readonly [number, number | undefined])[] = [];
  let round = 0;
  const watching = watch({
    runRound: () => Promise.resolve(report(++round)),
    onReport(now, before) {
      told.push([now.at, before?.at]);
      if (told.length === 3) stop.abort();
      return Promise.resolve();
    },
    pauseMs: 1,
    signal: stop.signal,
  });
  assertEquals((await within("the end", watching))?.at, 3);
  assertEquals(told, [[1, undefined], [2, 1], [3, 2]]);
});

Deno.test("watch() ends at once in a pause, and forgets a round that was cut short", async () => {
  const stop = new AbortController();
  let round = 0;
  const watching = watch({
    runRound: () => {
      if (++round === 2) stop.abort();
      return Promise.resolve(report(round));
    },
    onReport: () => Promise.resolve(),
    pauseMs: 1,
    signal: stop.signal,
  });
  assertEquals((await within("the end", watching))?.at, 1);
  const pausing = new AbortController();
  const waiting = watch({
    runRound: () => Promise.resolve(report(1)),
    onReport: () => Promise.resolve(void setTimeout(() => pausing.abort(), 0)),
    pauseMs: 3_600_000,
    signal: pausing.signal,
  });
  assertEquals((await within("the end of the pause", waiting))?.at, 1);
});
