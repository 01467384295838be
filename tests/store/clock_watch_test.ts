import { assertEquals } from "@std/assert";
import { ClockWatch } from "../../src/store/clock_watch.ts";

function makeWatch() {
  const clock = { wall: 1_700_000_000_000, monotonic: 0 };
  const steps: number[] = [];
  const watch = new ClockWatch({
    now: () => clock.wall,
    monotonic: () => clock.monotonic,
    onStep: (stepMs) => void steps.push(stepMs),
  });
  const pass = (ms: number, stepMs = 0) => {
    clock.wall += ms + stepMs;
    clock.monotonic += ms;
    watch.check();
  };
  return { steps, pass };
}

Deno.test("check() reports a clock that is set back or ahead, once each time", () => {
  const { steps, pass } = makeWatch();
  pass(1000, -7_200_000);
  pass(1000);
  pass(1000, 90_000);
  pass(1000, -90_000);
  pass(60_000);
  assertEquals(steps, [-7_200_000, 90_000, -90_000]);
});

Deno.test("check() ignores a slewed clock, and adds up small steps", () => {
  const { steps, pass } = makeWatch();
  for (let second = 0; second < 3600; second++) pass(1000, 0.5);
  assertEquals(steps, []);
  for (let times = 0; times < 4; times++) pass(1000, -2000);
  assertEquals(steps, [-6200]);
});

Deno.test("check() reports a suspended machine as a clock that was set ahead", () => {
  const { steps, pass } = makeWatch();
  pass(0, 3_600_000);
  assertEquals(steps, [3_600_000]);
});
