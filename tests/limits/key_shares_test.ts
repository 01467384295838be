import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { KeyShares } from "../../src/limits/key_shares.ts";

function fill(shares: KeyShares, kid: string): number {
  let count = 0;
  for (; shares.hasRoom(kid, 1); count++) shares.take(kid, 1);
  return count;
}

Deno.test("hasRoom() limits a key to the bytes that are free", () => {
  const shares = new KeyShares(120);
  assertEquals(fill(shares, "a"), 60);
  assertEquals(fill(shares, "b"), 30);
  shares.release("a", 20);
  assertEquals(shares.bytes, 70);
  assertEquals(fill(shares, "c") > 0, true);
});

Deno.test("hasRoom() leaves bytes for a later key, in any order of greedy ones", () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 60 }), (order) => {
    const shares = new KeyShares(1200);
    for (const key of order) fill(shares, `greedy ${key}`);
    const greedy = new Set(order).size;
    assert(fill(shares, "late") >= Math.floor(1200 / 2 ** (greedy + 1)), `${greedy} greedy keys`);
  }));
});

Deno.test("release() removes a key that holds nothing", () => {
  const shares = new KeyShares(10);
  shares.take("a", 5);
  shares.release("a", 5);
  assertEquals([shares.bytes, shares.hasRoom("a", 10), shares.hasRoom("b", 10)], [0, true, true]);
});
