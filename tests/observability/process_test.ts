import { assertEquals } from "@std/assert";
import { makeMetrics, valueOf } from "../support/metrics.ts";

/** Clock and timer that the test moves. */
function makeClock() {
  let now = 5000;
  let work = () => {};
  let isRunning = false;
  return {
    monotonic: () => now,
    repeat: (tick: () => void, everyMs: number) => {
      assertEquals(everyMs, 1000);
      work = tick;
      isRunning = true;
      return () => void (isRunning = false);
    },
    /** Runs the timer with a delay, in milliseconds. */
    tick(lateMs: number) {
      now += 1000 + lateMs;
      work();
    },
    pass: (ms: number) => void (now += ms),
    isRunning: () => isRunning,
  };
}

const lag = (metrics: ReturnType<typeof makeMetrics>) =>
  valueOf(metrics, { name: "e2e_gateway_event_loop_lag_seconds" });

Deno.test("event_loop_lag_seconds is the longest delay within the last minute", async () => {
  const clock = makeClock();
  using metrics = makeMetrics(clock);
  assertEquals(await lag(metrics), 0);
  clock.tick(2);
  clock.tick(250);
  clock.tick(-1);
  assertEquals(await lag(metrics), 0.25);
  assertEquals(await lag(metrics), 0.25);
  for (let second = 0; second < 58; second++) clock.tick(4);
  assertEquals(await lag(metrics), 0.25);
  clock.tick(4);
  assertEquals(await lag(metrics), 0.004);
});

Deno.test("event_loop_lag_seconds includes a timer that is due", async () => {
  const clock = makeClock();
  using metrics = makeMetrics(clock);
  clock.pass(900);
  assertEquals(await lag(metrics), 0);
  clock.pass(600);
  assertEquals(await lag(metrics), 0.5);
});

Deno.test("close() ends the timer", () => {
  const clock = makeClock();
  const metrics = makeMetrics(clock);
  assertEquals(clock.isRunning(), true);
  metrics.close();
  assertEquals(clock.isRunning(), false);
});
