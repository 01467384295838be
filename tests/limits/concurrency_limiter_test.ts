import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { ConcurrencyLimiter } from "../../src/limits/concurrency_limiter.ts";

Deno.test("enter() lets in as many as it may, for each one and in all", () => {
  const slots = new ConcurrencyLimiter({ total: 3, each: 2 });
  const [one, two] = [slots.tryAcquire("a"), slots.tryAcquire("a")];
  assert(one && two);
  assertEquals(slots.tryAcquire("a"), undefined);
  assert(slots.tryAcquire("b"));
  assertEquals(slots.tryAcquire("b"), undefined);
  one?.();
  assert(slots.tryAcquire("b"));
});

Deno.test("leaving twice counts once", () => {
  const slots = new ConcurrencyLimiter({ total: 2, each: 2 });
  const [leave] = [slots.tryAcquire("a"), slots.tryAcquire("a")];
  leave?.();
  leave?.();
  assert(slots.tryAcquire("a"));
  assertEquals(slots.tryAcquire("a"), undefined);
});

Deno.test("enter() never lets in more than its bounds, in any order of coming and going", () => {
  const step = fc.record({ id: fc.constantFrom("a", "b", "c"), leave: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const slots = new ConcurrencyLimiter({ total: 5, each: 3 });
    const inside: { id: string; leave: () => void }[] = [];
    for (const { id, leave } of steps) {
      const count = inside.filter((one) => one.id === id).length;
      if (leave) {
        inside.shift()?.leave();
        continue;
      }
      const entered = slots.tryAcquire(id);
      assertEquals(entered !== undefined, count < 3 && inside.length < 5);
      if (entered !== undefined) inside.push({ id, leave: entered });
    }
  }));
});
