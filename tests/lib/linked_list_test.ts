import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { LinkedList, type ListNode } from "../../src/lib/linked_list.ts";

Deno.test("a list keeps its items in order, whichever are deleted", () => {
  const steps = fc.array(fc.oneof(fc.constant("push" as const), fc.nat(20)), { maxLength: 100 });
  fc.assert(fc.property(steps, (all) => {
    const list = new LinkedList<number>();
    const nodes: ListNode<number>[] = [];
    let count = 0;
    for (const step of all) {
      if (step === "push") nodes.push(list.push(count++));
      else {
        const [node] = nodes.splice(step, 1);
        if (node !== undefined) assertEquals([list.delete(node), list.delete(node)], [true, false]);
      }
      assertEquals([list.first, list.size], [nodes[0]?.value, nodes.length]);
      const even = (value: number) => value % 2 === 0;
      assertEquals(list.find(even)?.value, nodes.find(({ value }) => even(value))?.value);
    }
  }));
});

Deno.test("delete() refuses a node of another list", () => {
  const [one, other] = [new LinkedList<string>(), new LinkedList<string>()];
  one.push("a");
  const node = other.push("b");
  assertEquals([one.delete(node), one.size, other.first], [false, 1, "b"]);
});
