import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Concurrency } from "../../src/limits/concurrency_limiter.ts";

Deno.test("enter() lets in as many as it may, for each one and in all", () => {
  const slots = new Concurrency({ total: 3, each: 2 });
  const [one, two] = [slots.enter("a"), slots.enter("a")];
  assert(one && two);
  assertEquals(slots.enter("a"), undefined);
  assert(slots.enter("b"));
  assertEquals(slots.enter("b"), undefined);
  one?.();
  assert(slots.enter("b"));
});

Deno.test("leaving twice counts once", () => {
  const slots = new Concurrency({ total: 2, each: 2 });
  const [leave] = [slots.enter("a"), slots.enter("a")];
  leave?.();
  leave?.();
  assert(slots.enter("a"));
  assertEquals(slots.enter("a"), undefined);
});

Deno.test("enter() never lets in more than its bounds, in any order of coming and going", () => {
  const step = fc.record({ id: fc.constantFrom("a", "b", "c"), leave: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const slots = new Concurrency({ total: 5, each: 3 });
    const inside: { id: string; leave: () => void }[] = [];
    for (const { id, leave } of steps) {
      const count = inside.filter((one) => one.id === id).length;
      if (leave) {
        inside.shift()?.leave();
        continue;
      }
      const entered = slots.enter(id);
      assertEquals(entered !== undefined, count < 3 && inside.length < 5);
      if (entered !== undefined) inside.push({ id, leave: entered });
    }
  }));
});
