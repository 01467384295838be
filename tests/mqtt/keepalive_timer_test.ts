import { assertEquals } from "@std/assert";
import { KeepaliveTimer } from "../../src/mqtt/keepalive_timer.ts";
import { ManualClock } from "../support/manual_clock.ts";

function makeTimer() {
  const clock = new ManualClock();
  const timer = new KeepaliveTimer(clock);
  const calls: string[] = [];
  return { clock, timer, calls, set: (name: string, ms: number) => timer.set(() => calls.push(name), ms) };
}

Deno.test("set() calls a function at each interval", () => {
  const { clock, calls, set } = makeTimer();
  set("one", 10);
  for (let count = 0; count < 4; count++) clock.pass(5);
  assertEquals(calls, ["one", "one"]);
});

Deno.test("set() begins the interval anew, with one timer, however often it is called after clear()", async () => {
  const { clock, timer, calls, set } = makeTimer();
  for (let count = 0; count < 5; count++) {
    timer.clear();
    set(`number ${count}`, 10);
    await Promise.resolve();
    assertEquals(clock.timers, 1);
    clock.pass(6);
  }
  assertEquals(calls, []);
  clock.pass(4);
  assertEquals(calls, ["number 4"]);
});

Deno.test("set() with a shorter interval does not wait for the longer one", () => {
  const { clock, timer, calls, set } = makeTimer();
  set("long", 100);
  timer.clear();
  set("short", 10);
  clock.pass(10);
  assertEquals([calls, clock.timers], [["short"], 1]);
});

Deno.test("clear() ends the calls, and leaves no timer", async () => {
  const { clock, timer, calls, set } = makeTimer();
  set("one", 10);
  timer.clear();
  await Promise.resolve();
  assertEquals(clock.timers, 0);
  clock.pass(100);
  assertEquals(calls, []);
});

Deno.test("clear() and set() may be called by the function itself", async () => {
  const clock = new ManualClock();
  const timer = new KeepaliveTimer(clock);
  let calls = 0;
  timer.set(() => {
    calls += 1;
    timer.clear();
    if (calls === 1) timer.set(() => calls += 10, 5);
  }, 10);
  clock.pass(10);
  await Promise.resolve();
  clock.pass(5);
  assertEquals([calls, clock.timers], [11, 1]);
  timer.clear();
  await Promise.resolve();
  assertEquals(clock.timers, 0);
});
