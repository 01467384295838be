import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { LinkedSet } from "../../src/lib/linked_set.ts";

Deno.test("LinkedSet holds the same values in the same order as a built-in Set, whichever are deleted", () => {
  const step = fc.record({ isAdded: fc.boolean(), value: fc.nat(9) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const [set, expected] = [new LinkedSet<number>(), new Set<number>()];
    for (const { isAdded, value } of steps) {
      if (isAdded) {
        set.add(value);
        expected.add(value);
      } else assertEquals(set.delete(value), expected.delete(value));
      assertEquals([[...set], set.size, set.first], [[...expected], expected.size, [...expected][0]]);
      assertEquals(set.has(value), isAdded);
    }
  }));
});

Deno.test("iteration goes on when the current value is deleted", () => {
  const set = new LinkedSet<number>();
  for (const value of [1, 2, 3, 4]) set.add(value);
  for (const value of set) if (value % 2 === 0) set.delete(value);
  assertEquals([...set], [1, 3]);
});
