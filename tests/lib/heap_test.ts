import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Heap } from "../../src/lib/heap.ts";

interface Item {
  readonly id: number;
  priority: number;
  heapIndex: number;
}

const isBefore = (one: Item, other: Item) =>
  one.priority !== other.priority ? one.priority > other.priority : one.id < other.id;

Deno.test("first is the item before all others, whichever are added, updated and deleted", () => {
  const step = fc.record({ kind: fc.constantFrom("add", "update", "delete"), index: fc.nat(30), priority: fc.nat(9) });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const heap = new Heap(isBefore);
    const items: Item[] = [];
    for (const [id, { kind, index, priority }] of steps.entries()) {
      const item = items[index];
      if (kind === "add") {
        const added = { id, priority, heapIndex: -1 };
        items.push(added);
        heap.add(added);
      } else if (item !== undefined && kind === "update") {
        item.priority = priority;
        heap.update(item);
      } else if (item !== undefined) {
        items.splice(index, 1);
        heap.delete(item);
        assertEquals(item.heapIndex, -1);
      }
      const [first] = items.toSorted((one, other) => isBefore(one, other) ? -1 : 1);
      assertEquals([heap.first?.id, heap.size], [first?.id, items.length]);
    }
  }));
});

Deno.test("a change of one item among many compares it with few others", () => {
  let comparisons = 0;
  const heap = new Heap<Item>((one, other) => {
    comparisons += 1;
    return isBefore(one, other);
  });
  const items = Array.from({ length: 10_000 }, (_, id) => ({ id, priority: id % 100, heapIndex: -1 }));
  for (const item of items) heap.add(item);
  comparisons = 0;
  for (const item of items) {
    item.priority = 99 - item.priority;
    heap.update(item);
  }
  for (const item of items) heap.delete(item);
  // Twice the depth of 14 each, up and down.
  assertEquals(comparisons / items.length < 4 * 14, true, `${comparisons / items.length} comparisons for each`);
});
