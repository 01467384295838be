import { assertEquals, assertThrows } from "@std/assert";
import { TimeShare } from "../../src/limits/time_share.ts";

Deno.test("TimeShare runs work until its time is used up, and again once a part of it came back", () => {
  let time = 0;
  const share = new TimeShare({ burstMs: 100, share: 0.1, monotonic: () => time });
  const work = (takes: number) => share.tryRun(() => void (time += takes));
  assertEquals([work(60), work(60), work(1)], [true, true, false]);
  time += 150;
  assertEquals([work(1), work(10), work(1)], [true, true, false]);
  time += 1_000_000;
  assertEquals([work(99), work(50), work(1)], [true, true, false], "no more than a burst comes back");
});

Deno.test("TimeShare counts the time of work that fails, and a burst at most for work that the machine interrupts", () => {
  let time = 0;
  const share = new TimeShare({ burstMs: 100, share: 0.0001, monotonic: () => time });
  assertThrows(
    () =>
      share.tryRun(() => {
        time += 99;
        throw new Error("fails");
      }),
    Error,
    "fails",
  );
  assertEquals(share.tryRun(() => void (time += 3_600_000)), true);
  assertEquals(share.tryRun(() => {}), true, "the hour has brought back more than a burst");
});
