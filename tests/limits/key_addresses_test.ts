import { assertEquals } from "@std/assert";
import { KeyAddresses } from "../../src/limits/key_addresses.ts";

Deno.test("keysAt() returns the keys of an address, the one that was used last first", () => {
  const pairs = new KeyAddresses();
  for (const kid of ["a", "b", "c", "a"]) pairs.add(kid, "home");
  assertEquals(pairs.keysAt("home"), ["a", "c", "b"]);
  assertEquals(pairs.keysAt("elsewhere"), []);
});

Deno.test("has() knows a pair of key and address, and no other one", () => {
  const pairs = new KeyAddresses();
  pairs.add("a", "home");
  pairs.add("b", "work");
  assertEquals([pairs.has("a", "home"), pairs.has("a", "work"), pairs.has("b", "home")], [true, false, false]);
});

Deno.test("add() lets a key that is used from very many addresses push out only its own", () => {
  const pairs = new KeyAddresses();
  pairs.add("modest", "home");
  for (let index = 0; index < 100_000; index++) pairs.add("greedy", `address ${index}`);
  assertEquals(pairs.has("modest", "home"), true);
  assertEquals([pairs.has("greedy", "address 99900"), pairs.has("greedy", "address 99899")], [true, false]);
  assertEquals(pairs.keysAt("address 5"), []);
});

Deno.test("add() remembers sixteen keys of an address, the last ones", () => {
  const pairs = new KeyAddresses();
  for (let index = 0; index < 20; index++) pairs.add(`key ${index}`, "home");
  assertEquals(pairs.keysAt("home").length, 16);
  assertEquals([pairs.has("key 3", "home"), pairs.has("key 4", "home")], [false, true]);
});
