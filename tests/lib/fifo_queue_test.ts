import { assertEquals, assertLess } from "@std/assert";
import * as fc from "fast-check";
import { FifoQueue } from "../../src/lib/fifo_queue.ts";

Deno.test("shift() returns what was pushed, in that order, however pushes and shifts alternate", () => {
  fc.assert(fc.property(fc.array(fc.option(fc.nat()), { maxLength: 400, size: "max" }), (steps) => {
    const queue = new FifoQueue<number>();
    const model: number[] = [];
    for (const step of steps) {
      if (step === null) assertEquals(queue.shift(), model.shift());
      else {
        queue.push(step);
        model.push(step);
      }
      assertEquals(queue.first, model[0]);
    }
  }));
});

Deno.test("shift() and push() cost the same in a queue of a million items", () => {
  function measure(length: number): number {
    const queue = new FifoQueue<number>();
    for (let index = 0; index < length; index++) queue.push(index);
    const began = performance.now();
    for (let index = 0; index < 100_000; index++) {
      queue.push(index);
      queue.shift();
    }
    return performance.now() - began;
  }
  const fastest = (length: number) => Math.min(...Array.from({ length: 5 }, () => measure(length)));
  fastest(100);
  assertLess(fastest(1_000_000), 10 * fastest(100));
});
