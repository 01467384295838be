import { assertEquals } from "@std/assert";
import { TurnBudget } from "../../src/lib/turn_budget.ts";

Deno.test("pause() is due once the turn is over, and again after the next one", async () => {
  let now = 100;
  const budget = new TurnBudget({
    monotonic: () => now,
    after(ms, run) {
      assertEquals(ms, 0);
      now += 50;
      queueMicrotask(run);
      return () => {};
    },
  }, 5);
  now += 4;
  assertEquals(budget.pause(), undefined);
  now += 1;
  await budget.pause();
  assertEquals(now, 155);
  now += 4;
  assertEquals(budget.pause(), undefined, "the time of the pause does not count");
  now += 1;
  await budget.pause();
  assertEquals(now, 210);
});
