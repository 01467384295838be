import { assertEquals } from "@std/assert";
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
