import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { LruCache } from "../../src/lib/lru_cache.ts";

function makeCache(maxEntries: number, keys: string): LruCache<string, string> {
  const cache = new LruCache<string, string>(maxEntries);
  for (const key of keys) cache.set(key, key.toUpperCase());
  return cache;
}

/** Returns those of some keys that have an entry. */
function knownTo(cache: LruCache<string, string>, keys: string): string {
  return [...keys].filter((key) => cache.has(key)).join("");
}

Deno.test("set() evicts the least recently used entry when the cache is full", () => {
  const cache = makeCache(2, "ab");
  assertEquals(cache.get("a"), "A");
  cache.set("c", "C");
  assertEquals(knownTo(cache, "abc"), "ac");
});

Deno.test("set() replaces a value and evicts nothing for it", () => {
  const cache = makeCache(2, "ab");
  cache.set("a", "new");
  assertEquals([cache.get("a"), cache.get("b")], ["new", "B"]);
});

Deno.test("has() does not change the order of entries", () => {
  const cache = makeCache(2, "ab");
  assertEquals([cache.has("a"), cache.has("z")], [true, false]);
  cache.set("c", "C");
  assertEquals(knownTo(cache, "abc"), "bc");
});

Deno.test("delete() removes an entry, for which there is room then", () => {
  const cache = makeCache(3, "abc");
  assertEquals([cache.delete("b"), cache.delete("b"), cache.get("b")], [true, false, undefined]);
  cache.set("d", "D");
  assertEquals(knownTo(cache, "abcd"), "acd");
});

Deno.test("the entries are the first ones of a list that is sorted by use", () => {
  const step = fc.record({ kind: fc.constantFrom("get", "set", "delete"), key: fc.nat({ max: 6 }) });
  fc.assert(fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
    const cache = new LruCache<number, number>(4);
    let list: number[] = [];
    for (const { kind, key } of steps) {
      const isKnown = list.includes(key);
      if (kind === "set") cache.set(key, key);
      else if (kind === "get") assertEquals(cache.get(key), isKnown ? key : undefined);
      else assertEquals(cache.delete(key), isKnown);
      const others = list.filter((other) => other !== key);
      if (kind === "delete") list = others;
      else if (isKnown || kind === "set") list = [key, ...others].slice(0, 4);
      for (let other = 0; other <= 6; other++) assertEquals(cache.has(other), list.includes(other));
    }
  }));
});

Deno.test("LruCache lists its entries, the least recently used first, without using them", () => {
  const cache = new LruCache<string, number>(3);
  for (const [index, name] of ["a", "b", "c"].entries()) cache.set(name, index);
  cache.get("a");
  assertEquals([...cache.entries()], [["b", 1], ["c", 2], ["a", 0]]);
  cache.set("d", 3);
  assertEquals([...cache.entries()].map(([name]) => name), ["c", "a", "d"]);
});
