import { assertEquals } from "@std/assert";
import { LinkedSet } from "../../src/lib/linked_set.ts";

Deno.test("a linked set keeps the order of insertion, and each value once", () => {
  const set = new LinkedSet<string>();
  for (const value of ["b", "a", "c", "a"]) set.add(value);
  assertEquals([[...set], set.size, set.first, set.has("a")], [["b", "a", "c"], 3, "b", true]);
  assertEquals([set.delete("b"), set.delete("b"), set.first, set.has("b")], [true, false, "a", false]);
  set.add("b");
  assertEquals(set.delete("c"), true);
  assertEquals([[...set], [...set.backwards()], set.last], [["a", "b"], ["b", "a"], "b"]);
  for (const value of ["a", "b"]) set.delete(value);
  assertEquals([[...set], set.size, set.first], [[], 0, undefined]);
});

Deno.test("addLast() adds a value at the end, or moves it there", () => {
  const set = new LinkedSet<string>();
  for (const value of ["a", "b", "c", "c", "a"]) set.addLast(value);
  assertEquals([[...set], [...set.backwards()], set.size], [["b", "c", "a"], ["a", "c", "b"], 3]);
});

Deno.test("the current value of an iteration over a linked set may be removed", () => {
  const set = new LinkedSet<number>();
  for (let value = 0; value < 5; value++) set.add(value);
  for (const value of set) if (value % 2 === 0) set.delete(value);
  assertEquals([...set], [1, 3]);
  for (const value of set.backwards()) set.delete(value);
  assertEquals([[...set], set.size], [[], 0]);
  set.add(1);
  set.clear();
  assertEquals([[...set], set.first, set.last, set.has(1)], [[], undefined, undefined, false]);
});
