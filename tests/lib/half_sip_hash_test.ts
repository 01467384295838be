import { assertEquals, assertNotEquals } from "@std/assert";
import { halfSipHash } from "../../src/lib/half_sip_hash.ts";

const KEY = [0x03020100, 0x07060504] as const;
const WORDS = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c];

Deno.test("halfSipHash() equals the test vectors of Linux (lib/test_siphash.c)", () => {
  const hashes = [0, 1, 2, 3, 4].map((count) => halfSipHash(KEY, Uint32Array.from(WORDS.slice(0, count))));
  assertEquals(hashes, [0x5814c896, 0x7e059ea6, 0x577999b1, 0x6b28096c, 0x8b31d501]);
});

Deno.test("halfSipHash() depends on both halves of the key", () => {
  const words = Uint32Array.from(WORDS);
  assertNotEquals(halfSipHash([KEY[0] + 1, KEY[1]], words), halfSipHash(KEY, words));
  assertNotEquals(halfSipHash([KEY[0], KEY[1] + 1], words), halfSipHash(KEY, words));
});
