import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Deadlines } from "../../src/lib/deadlines.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("a deadline expires at the end of its time, at most one resolution late, never early", () => {
  const times = fc.array(fc.record({ at: fc.nat(2000), ms: fc.nat(3000) }), { maxLength: 30 });
  fc.assert(fc.property(times, fc.integer({ min: 1, max: 400 }), (all, step) => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock, 250);
    const late: number[] = [];
    for (const { at, ms } of all) {
      clock.after(at, () => {
        const due = clock.monotonic() + ms;
        deadlines.add(ms, () => late.push(clock.monotonic() - due));
      });
    }
    while (clock.monotonic() < 6000) clock.pass(step);
    assertEquals(late.length, all.length);
    for (const each of late) assert(each >= 0 && each <= 250 + step, `${each} ms late`);
    assertEquals([deadlines.size, clock.timers], [0, 0]);
  }));
});

Deno.test("one timer runs for all deadlines, and none while there is none", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 250);
  assertEquals(clock.timers, 0);
  const all = [100, 1000, 60_000, Infinity].map((ms) => deadlines.add(ms, () => {}));
  assertEquals([deadlines.size, clock.timers], [4, 1]);
  clock.pass(1000);
  assertEquals([deadlines.size, clock.timers], [2, 1]);
  for (const deadline of all) deadline.clear();
  assertEquals([deadlines.size, clock.timers], [0, 0]);
});

Deno.test("a deadline that was cleared does not expire, also within the call of another, and clears once", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 250);
  const expired: string[] = [];
  const first = deadlines.add(200, () => {
    expired.push("first");
    second.clear();
    first.clear();
  });
  const second = deadlines.add(200, () => expired.push("second"));
  const third = deadlines.add(5000, () => expired.push("third"));
  clock.pass(1000);
  second.clear();
  assertEquals([expired, deadlines.size], [["first"], 1]);
  third.clear();
  clock.pass(10_000);
  assertEquals([expired, clock.timers], [["first"], 0]);
});

Deno.test("a deadline may be added as another expires, the last one too", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 250);
  const expired: number[] = [];
  const again = () => {
    expired.push(clock.monotonic());
    if (expired.length < 4) deadlines.add(0, again);
  };
  deadlines.add(0, again);
  for (let tick = 0; tick < 8; tick++) clock.pass(250);
  assertEquals([expired, clock.timers], [[250, 500, 750, 1000], 0]);
});

Deno.test("deadlines that passed while the event loop stood expire together", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 250);
  let count = 0;
  for (let ms = 0; ms < 10_000; ms += 10) deadlines.add(ms, () => count += 1);
  clock.pass(10_000);
  assertEquals([count, clock.timers], [1000, 0]);
});

Deno.test("keepTimer() keeps the timer running while nothing is pending, until it is ended", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const end = deadlines.keepTimer();
  deadlines.add(1000, () => {}).clear();
  for (let tick = 0; tick < 20; tick++) clock.pass(250);
  assertEquals(clock.timers, 1);
  end();
  assertEquals([deadlines.size, clock.timers], [0, 0]);
});
