import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { wildcardMatcher } from "../../src/lib/wildcard.ts";

const text = fc.array(fc.constantFrom("a", "b", ".", "\n", "é"), { maxLength: 8 }).map((list) => list.join(""));
const pattern = fc.array(fc.constantFrom("a", "b", ".", "\n", "*", "*"), { maxLength: 6 }).map((list) => list.join(""));

Deno.test("wildcardMatcher() agrees with a regular expression", () => {
  fc.assert(fc.property(pattern, text, (pattern, text) => {
    const expression = new RegExp(`^${pattern.split("*").map(RegExp.escape).join("[^]*")}$`);
    assertEquals(wildcardMatcher(pattern)(text), expression.test(text));
  }));
});

Deno.test("wildcardMatcher() matches special characters of regular expressions only with themselves", () => {
  assert(wildcardMatcher("(a+)+$")("(a+)+$"));
  assert(!wildcardMatcher("a.c")("abc"));
  assert(wildcardMatcher("*")(""));
  assert(!wildcardMatcher("")("a"));
  assert(!wildcardMatcher("ab*ba")("aba"));
});
