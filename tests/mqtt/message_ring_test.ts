import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { MessageRing } from "../../src/mqtt/message_ring.ts";

interface Pushed {
  readonly offset: number;
  readonly bytes: number;
}

/** What should be held: the longest end of everything pushed that keeps within the limits. */
function heldOf(pushed: readonly Pushed[], limits: { maxBytes: number; maxCount: number }): Pushed[] {
  if (limits.maxBytes === 0) return [];
  const held = [...pushed];
  const total = () => held.reduce((sum, { bytes }) => sum + bytes, 0);
  while (held.length > limits.maxCount || total() > limits.maxBytes) held.shift();
  return held;
}

const pushesArbitrary = fc.array(
  fc.record({ step: fc.integer({ min: 1, max: 3 }), bytes: fc.integer({ min: 0, max: 12 }) }),
  { maxLength: 40 },
);

const limitsArbitrary = fc.record({
  maxBytes: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(1_000)),
  maxCount: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constant(1_000)),
});

Deno.test("a ring agrees with a plain list after every push, for any limits", () => {
  fc.assert(
    fc.property(limitsArbitrary, pushesArbitrary, (limits, pushes) => {
      const ring = new MessageRing<number>(limits);
      const pushed: Pushed[] = [];
      let offset = -1;
      for (const { step, bytes } of pushes) {
        offset += step;
        ring.push(offset, bytes, offset);
        pushed.push({ offset, bytes });
        const held = heldOf(pushed, limits);
        assertEquals(ring.size, held.length);
        assertEquals(ring.bytes, held.reduce((sum, each) => sum + each.bytes, 0));
        assertEquals(ring.floor, pushed[pushed.length - held.length - 1]?.offset ?? -1);
        for (let since = -1; since <= offset + 1; since++) {
          const expected = held.map((each) => each.offset).filter((each) => each > since);
          assertEquals([...ring.after(since)], expected);
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("push() empties the ring when a message is larger than all of it, and goes on afterwards", () => {
  const ring = new MessageRing<string>({ maxBytes: 10, maxCount: 3 });
  ring.push(1, 4, "one");
  ring.push(2, 4, "two");
  ring.push(5, 11, "too large");
  assertEquals([...ring.after(-1)], []);
  assertEquals([ring.size, ring.bytes, ring.floor], [0, 0, 5]);
  ring.push(6, 10, "just fits");
  assertEquals([...ring.after(5)], ["just fits"]);
  assertEquals([ring.size, ring.bytes, ring.floor], [1, 10, 5]);
});

Deno.test("push() holds nothing, not even an empty message, when a limit is 0", () => {
  for (const limits of [{ maxBytes: 0, maxCount: 5 }, { maxBytes: 5, maxCount: 0 }]) {
    const ring = new MessageRing<string>(limits);
    ring.push(7, 0, "empty");
    assertEquals([...ring.after(-1)], []);
    assertEquals([ring.size, ring.bytes, ring.floor], [0, 0, 7]);
  }
});

Deno.test("after() yields everything when nothing was evicted yet", () => {
  const ring = new MessageRing<string>({ maxBytes: 10, maxCount: 3 });
  assertEquals([...ring.after(-1)], []);
  assertEquals(ring.floor, -1);
  ring.push(0, 1, "first");
  assertEquals([...ring.after(ring.floor)], ["first"]);
});
