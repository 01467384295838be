import { assertEquals } from "@std/assert";
import { closestNames } from "../../src/lib/closest_name.ts";

const NAMES = ["methods", "paths", "url", "timeout_ms", "caFile"];

Deno.test("closestNames() finds a name with a wrong, missing, added or swapped letter, or other separators", () => {
  for (
    const [given, name] of [["metods", "methods"], ["Paths", "paths"], ["ulr", "url"], ["timeoutMs", "timeout_ms"]]
  ) {
    assertEquals(closestNames(String(given), NAMES), [name], given);
  }
  assertEquals(closestNames("ca-file", NAMES), ["caFile"]);
});

Deno.test("closestNames() finds nothing for another word, a long text, or without names", () => {
  for (const given of ["headers", "x".repeat(10_000), ""]) assertEquals(closestNames(given, NAMES), []);
  assertEquals(closestNames("url", []), []);
});

Deno.test("closestNames() lists names that are equally close, and none where they are many", () => {
  assertEquals(closestNames("pat", ["path", "part"]), ["path", "part"]);
  assertEquals(closestNames("pat", ["path", "part", "pant", "past"]), []);
});
