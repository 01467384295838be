import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { TopicFilterSet } from "../../../src/mqtt/topics/filter_set.ts";
import { TopicTrie } from "../../../src/mqtt/topics/trie.ts";

const filterArbitrary = fc.tuple(
  fc.array(fc.constantFrom("a", "b", "", "$", "+"), { maxLength: 2 }),
  fc.constantFrom("a", "", "$", "+", "#", "#"),
).map(([levels, last]) => [...levels, last].join("/"));

/** Topics of up to four levels, so that some are longer than every filter. */
const topicArbitrary = fc.array(fc.constantFrom("a", "b", "", "$", "other"), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"));

const stepsArbitrary = fc.array(fc.record({ add: fc.boolean(), filter: filterArbitrary }), { maxLength: 40 });

function filled(filters: readonly string[]): TopicTrie<string> {
  const trie = new TopicTrie<string>();
  for (const filter of filters) trie.add(filter, filter);
  return trie;
}

/** Returns the prefixes of a filter by whole levels: a trie has a node for each. */
function beginnings(filter: string): string[] {
  const levels = filter.split("/");
  return levels.map((_, index) => levels.slice(0, index + 1).join("/"));
}

Deno.test("match() agrees with trying every filter, after any additions and deletions", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.array(topicArbitrary, { minLength: 1 }), (steps, topics) => {
      const trie = new TopicTrie<number>();
      const model = new Map<string, number>();
      for (const [index, { add, filter }] of steps.entries()) {
        if (add) {
          trie.add(filter, index);
          model.set(filter, index);
        } else {
          trie.delete(filter);
          model.delete(filter);
        }
      }
      for (const topic of topics) {
        const expected = [...model].filter(([filter]) => new TopicFilterSet([filter]).matches(topic));
        assertEquals(trie.match(topic).sort(), expected.map(([, value]) => value).sort(), topic);
      }
      for (const filter of ["a", "+", "a/#", "a/b/+"]) assertEquals(trie.find(filter), model.get(filter), filter);
      assertEquals(trie.size, model.size);
      assertEquals(trie.nodeCount, new Set([...model.keys()].flatMap(beginnings)).size);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("match() handles the special cases of the standard", () => {
  const table: [topic: string, expected: string[]][] = [
    ["a", ["#", "+", "a/#"]],
    ["a/", ["#", "+/+", "a/#", "a/+"]],
    ["/a", ["#", "+/+", "/+"]],
    ["$SYS", ["$SYS/#"]],
    ["$SYS/a", ["$SYS/#", "$SYS/a"]],
    ["a/$SYS", ["#", "+/+", "a/#", "a/+"]],
  ];
  const trie = filled(["#", "+", "+/+", "/+", "a/#", "a/+", "$SYS/#", "$SYS/a"]);
  for (const [topic, expected] of table) assertEquals(trie.match(topic).sort(), expected.sort(), topic);
});

Deno.test("match() finds filters of 100 levels", () => {
  const deep = Array.from({ length: 100 }, () => "a").join("/");
  assertEquals(filled([deep]).match(deep), [deep]);
  assertEquals(filled([deep.replaceAll("a", "+")]).match(deep).length, 1);
});

Deno.test("add() replaces the value when the filter is there already", () => {
  const trie = new TopicTrie<string | undefined>();
  trie.add("a/+", "old");
  trie.add("a/+", undefined);
  assertEquals(trie.match("a/b"), [undefined]);
  assertEquals(trie.size, 1);
});

Deno.test("delete() leaves no node behind when every filter is deleted", () => {
  const filters = ["#", "+", "", "a", "a/b/c", "a/b/#", "a/+/+/d", "/", "$SYS/#"];
  const trie = filled(filters);
  for (const filter of filters) trie.delete(filter);
  assertEquals(trie.size, 0);
  assertEquals(trie.nodeCount, 0);
  for (const topic of ["", "a", "a/b", "a/b/c", "a/b/c/d", "/", "$SYS/a"]) assertEquals(trie.match(topic), []);
});

Deno.test("delete() does nothing for a prefix or an extension of other filters", () => {
  const trie = filled(["a/b/c"]);
  for (const filter of ["a", "a/b", "a/b/c/d", "a/b/#", "a/+/c"]) trie.delete(filter);
  assertEquals(trie.match("a/b/c"), ["a/b/c"]);
  assertEquals(trie.size, 1);
  assertEquals(trie.nodeCount, 3);
});
