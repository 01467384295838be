import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Bag, type BagItem } from "../../src/lib/bag.ts";

/** Returns the objects of a bag, sorted. */
function objectsOf(bag: Bag<number>): number[] {
  const found: number[] = [];
  bag.forEach((value) => void found.push(value));
  return found.toSorted((one, other) => one - other);
}

Deno.test("a bag holds what was added and not removed, in any order of both", () => {
  fc.assert(fc.property(fc.array(fc.nat(9)), (steps) => {
    const bag = new Bag<number>();
    const items: BagItem<number>[] = [];
    const held = new Set<number>();
    for (const [value, step] of steps.entries()) {
      const known = items[step];
      if (known === undefined) {
        items.push(bag.add(value));
        held.add(value);
      } else if (known.value !== undefined) {
        held.delete(known.value);
        assertEquals([known.remove(), known.remove(), known.value], [true, false, undefined]);
      }
      assertEquals(objectsOf(bag), [...held]);
    }
  }));
});

Deno.test("forEach() leaves out what it removes, and what is added meanwhile", () => {
  const bag = new Bag<string>();
  const items = ["a", "b", "c"].map((value) => bag.add(value));
  const found: string[] = [];
  bag.forEach((value) => {
    found.push(value);
    items[1]?.remove();
    bag.add("later");
  });
  assertEquals(found, ["a", "c"]);
});
