import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { ConcurrencyLimiter } from "../../src/limits/concurrency_limiter.ts";

Deno.test("tryAcquire() allows as many as its limits, for each id and in total", () => {
  const limiter = new ConcurrencyLimiter({ total: 3, each: 2 });
  const [one, two] = [limiter.tryAcquire("a"), limiter.tryAcquire("a")];
  assert(one && two);
  assertEquals(limiter.tryAcquire("a"), undefined);
  assert(limiter.tryAcquire("b"));
  assertEquals(limiter.tryAcquire("b"), undefined);
  one?.();
  assert(limiter.tryAcquire("b"));
});

Deno.test("tryAcquire() leaves the last quarter of the total to ids without an operation", () => {
  const limiter = new ConcurrencyLimiter({ total: 8, each: 4 });
  const acquire = (id: string) => Array.from({ length: 5 }, () => limiter.tryAcquire(id)).filter(Boolean).length;
  assertEquals(["greedy", "second", "third", "fourth", "fifth"].map(acquire), [4, 2, 1, 1, 0]);
});

Deno.test("releasing twice counts once", () => {
  const limiter = new ConcurrencyLimiter({ total: 2, each: 2 });
  const [release] = [limiter.tryAcquire("a"), limiter.tryAcquire("a")];
  release?.();
  release?.();
  assert(limiter.tryAcquire("a"));
  assertEquals(limiter.tryAcquire("a"), undefined);
});

Deno.test("tryAcquire() never exceeds its limits, in any order of acquiring and releasing", () => {
  const step = fc.record({ id: fc.constantFrom("a", "b", "c"), release: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const limiter = new ConcurrencyLimiter({ total: 5, each: 3 });
    const held: { id: string; release: () => void }[] = [];
    for (const { id, release } of steps) {
      const count = held.filter((each) => each.id === id).length;
      if (release) {
        held.shift()?.release();
        continue;
      }
      const acquired = limiter.tryAcquire(id);
      assertEquals(acquired !== undefined, count < 3 && held.length < (count === 0 ? 5 : 4));
      if (acquired !== undefined) held.push({ id, release: acquired });
    }
  }));
});
