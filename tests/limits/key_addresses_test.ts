import { assertEquals } from "@std/assert";
import { KeyAddresses } from "../../src/limits/key_addresses.ts";

Deno.test("keysAt() returns the keys of an address, the most recently used first", () => {
  const pairs = new KeyAddresses();
  for (const kid of ["a", "b", "c", "a"]) pairs.add(kid, "home");
  assertEquals(pairs.keysAt("home"), ["a", "c", "b"]);
  assertEquals(pairs.keysAt("elsewhere"), []);
});

Deno.test("has() returns whether a pair of key and address was added", () => {
  const pairs = new KeyAddresses();
  pairs.add("a", "home");
  pairs.add("b", "work");
  assertEquals([pairs.has("a", "home"), pairs.has("a", "work"), pairs.has("b", "home")], [true, false, false]);
});

Deno.test("add() evicts only a key's own pairs when it is used from very many addresses", () => {
  const pairs = new KeyAddresses();
  pairs.add("modest", "home");
  for (let index = 0; index < 100_000; index++) pairs.add("greedy", `address ${index}`);
  assertEquals(pairs.has("modest", "home"), true);
  assertEquals([pairs.has("greedy", "address 99900"), pairs.has("greedy", "address 99899")], [true, false]);
  assertEquals(pairs.keysAt("address 5"), []);
});

Deno.test("add() keeps the last sixteen keys of an address", () => {
  const pairs = new KeyAddresses();
  for (let index = 0; index < 20; index++) pairs.add(`key ${index}`, "home");
  assertEquals(pairs.keysAt("home").length, 16);
  assertEquals([pairs.has("key 3", "home"), pairs.has("key 4", "home")], [false, true]);
});
