import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { MaxHeap } from "../../src/lib/max_heap.ts";

Deno.test("first is the largest item, however items are added, changed and removed", () => {
  const step = fc.record({ index: fc.nat({ max: 19 }), size: fc.option(fc.nat({ max: 1000 })) });
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const items = Array.from({ length: 20 }, (_, index) => ({ index, size: 0, place: -1 }));
    const heap = new MaxHeap<typeof items[number]>((one, other) =>
      one.size > other.size || one.size === other.size && one.index < other.index
    );
    const members = new Set<typeof items[number]>();
    for (const { index, size } of steps) {
      const item = items[index];
      if (item === undefined) continue;
      if (size === null) {
        heap.remove(item);
        members.delete(item);
      } else {
        item.size = size;
        heap.update(item);
        members.add(item);
      }
      const [largest] = [...members].sort((one, other) => other.size - one.size || one.index - other.index);
      assertEquals(heap.first, largest);
    }
  }));
});
