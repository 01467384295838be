import { assertEquals } from "@std/assert";
import { ok } from "../../src/doctor/check.ts";
import type { Report } from "../../src/doctor/report.ts";
import { watch } from "../../src/doctor/run_checks.ts";
import { within } from "../support/deadline.ts";

const report = (at: number): Report => ({ version: "1.0.0", at, results: [{ name: "clock", ...ok("Right") }] });

Deno.test("watch() runs until an abort, and reports each round with the one before", async () => {
  const stop = new AbortController();
  const reports: (readonly [number, number | undefined])[] = [];
  let round = 0;
  const watching = watch({
    runRound: () => Promise.resolve(report(++round)),
    onReport(now, before) {
      reports.push([now.at, before?.at]);
      if (reports.length === 3) stop.abort();
      return Promise.resolve();
    },
    pauseMs: 1,
    signal: stop.signal,
  });
  assertEquals((await within("the end", watching))?.at, 3);
  assertEquals(reports, [[1, undefined], [2, 1], [3, 2]]);
});

Deno.test("watch() ends at once in a pause, and drops an aborted round", async () => {
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
