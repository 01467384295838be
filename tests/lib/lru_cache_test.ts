import { assertEquals } from "@std/assert";
import { LruCache } from "../../src/lib/lru_cache.ts";

function makeCache(maxEntries: number, keys: string): LruCache<string, string> {
  const cache = new LruCache<string, string>(maxEntries);
  for (const key of keys) cache.set(key, key.toUpperCase());
  return cache;
}

Deno.test("set() evicts the least recently used entry when the cache is full", () => {
  const cache = makeCache(2, "ab");
  assertEquals(cache.get("a"), "A");
  cache.set("c", "C");
  assertEquals([...cache.keys()], ["a", "c"]);
});

Deno.test("set() replaces a value and evicts nothing for it", () => {
  const cache = makeCache(2, "ab");
  cache.set("a", "new");
  assertEquals([cache.size, cache.get("a"), cache.get("b")], [2, "new", "B"]);
});

Deno.test("has() does not change the order of entries", () => {
  const cache = makeCache(2, "ab");
  assertEquals([cache.has("a"), cache.has("z")], [true, false]);
  cache.set("c", "C");
  assertEquals([...cache.keys()], ["b", "c"]);
});

Deno.test("delete() and clear() remove entries", () => {
  const cache = makeCache(3, "abc");
  assertEquals([cache.delete("b"), cache.delete("b"), cache.size], [true, false, 2]);
  cache.clear();
  assertEquals([cache.size, cache.get("a")], [0, undefined]);
});
