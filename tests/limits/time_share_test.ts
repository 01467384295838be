import { assertEquals } from "@std/assert";
import { TimeShare } from "../../src/limits/time_share.ts";

Deno.test("TimeShare runs work until its time is used up, and again once a part of it came back", () => {
  let time = 0;
  const share = new TimeShare({ burstMs: 100, share: 0.1, monotonic: () => time });
  const work = (takes: number) => share.run(() => (time += takes)) !== undefined;
  assertEquals([work(60), work(60), work(1)], [true, true, false]);
  time += 130;
  assertEquals([work(1), work(0)], [true, true]);
  time += 1_000_000;
  assertEquals([work(99), work(3_600_000), work(1)], [true, true, true], "the time of a long work comes back");
});

Deno.test("TimeShare counts the time of work that fails, and no more than a burst for one that is interrupted", () => {
  let time = 0;
  const share = new TimeShare({ burstMs: 100, share: 0.01, monotonic: () => time });
  const isRun = () => share.run(() => true) === true;
  try {
    share.run(() => {
      time += 3_600_000;
      throw new Error("fails");
    });
  } catch {
    // As it should.
  }
  assertEquals(isRun(), true, "the hour has brought back its part");
  const other = new TimeShare({ burstMs: 100, share: 0.000001, monotonic: () => time });
  other.run(() => void (time += 3_600_000));
  time += 1_000_000;
  assertEquals(other.run(() => true), true);
});
