import { assertEquals } from "@std/assert";
import { TokenBucket } from "../../src/limits/token_bucket.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("TokenBucket allows a burst, and then one operation in each interval", () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ burst: 3, everyMs: 2000, monotonic: () => clock.monotonic() });
  const take = (count: number) => Array.from({ length: count }, () => bucket.tryTake());
  assertEquals(take(4), [true, true, true, false]);
  clock.pass(1999);
  assertEquals(take(1), [false]);
  clock.pass(1);
  assertEquals(take(2), [true, false]);
  clock.pass(1_000_000);
  assertEquals(take(4), [true, true, true, false]);
});
