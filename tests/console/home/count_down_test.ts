import { assertEquals } from "@std/assert";
import { RateLimitError, UnreachableError } from "@e2e-gateway/client";
import { countDown } from "../../../src/console/screens/home/actions/count_down.ts";
import { coolDownOf } from "../../../src/console/commands/outcome.ts";
import { FakeTime } from "../../support/fake_time.ts";

Deno.test("countDown() tells each second that is left, and 0 at the end", () => {
  using time = new FakeTime();
  const seconds: number[] = [];
  countDown(Date.now() + 2400, { now: () => Date.now(), onSeconds: (left) => void seconds.push(left) });
  assertEquals(seconds, [3]);
  time.pass(399);
  assertEquals(seconds, [3]);
  time.pass(1);
  assertEquals(seconds, [3, 2]);
  time.pass(1000);
  time.pass(999);
  assertEquals(seconds, [3, 2, 1]);
  time.pass(1);
  assertEquals(seconds, [3, 2, 1, 0]);
  time.pass(10_000);
  assertEquals(seconds, [3, 2, 1, 0]);
});

Deno.test("countDown() tells 0 for a time that has passed, ends after a sleep of the device, and can be ended", () => {
  using time = new FakeTime();
  const seconds: number[] = [];
  const options = { now: () => Date.now(), onSeconds: (left: number) => void seconds.push(left) };
  countDown(0, options);
  countDown(Date.now() + 5000, options);
  time.pass(60_000);
  assertEquals(seconds, [0, 5, 0]);
  const end = countDown(Date.now() + 5000, options);
  end();
  time.pass(60_000);
  assertEquals(seconds, [0, 5, 0, 5]);
});

Deno.test("coolDownOf() is the wait that the gateway names for an action that ran just now", () => {
  assertEquals(coolDownOf(new RateLimitError("x", { gatewayCode: "busy", retryAfterMs: 4000 })), 4000);
  assertEquals(coolDownOf(new RateLimitError("x", { retryAfterMs: 4000 })), 0);
  assertEquals([new UnreachableError("x"), new Error("x")].map(coolDownOf), [0, 0]);
});
