import { assertEquals } from "@std/assert";
import { closestName } from "../../src/lib/closest_name.ts";

const NAMES = ["call", "check-config", "publish", "subscribe"];

Deno.test("closestName() returns the name that a misspelt word most resembles", () => {
  for (
    const [word, name] of [["cal", "call"], ["CALL", "call"], ["pubilsh", "publish"], ["check_config", "check-config"]]
  ) assertEquals(closestName(word ?? "", NAMES), name);
});

Deno.test("closestName() returns nothing when no name is close", () => {
  for (const word of ["", "x", "frobnicate", "configuration", "c".repeat(1000)]) {
    assertEquals(closestName(word, NAMES), undefined, word);
  }
  assertEquals(closestName("call", []), undefined);
});
