import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { findDuplicateMember } from "../../src/lib/duplicate_member.ts";

Deno.test("findDuplicateMember() finds two members of one name at any depth, however the name is spelt", () => {
  const cases: readonly (readonly [text: string, path: readonly (string | number)[], name: string])[] = [
    ['{"a":1,"a":1}', [], "a"],
    ['{"a":1 , "\\u0061" : 2}', [], "a"],
    ['\ufeff{ "keys": [ {}, {"x":[1,{"b":1,"c":{},"b":2}]} ] }', ["keys", 1, "x", 1], "b"],
    ['[[],{"":1,"":2}]', [1], ""],
    ['{"a":{"b":1},"c":{"b":1},"a":0}', [], "a"],
    ['{"__proto__":1,"__proto__":2}', [], "__proto__"],
    ['{"a":"\\"","b\\\\":1,"b\\\\":2}', [], "b\\"],
  ];
  for (const [text, path, name] of cases) assertEquals(findDuplicateMember(text), { path, name }, text);
});

Deno.test("findDuplicateMember() finds nothing in what JSON.stringify writes", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
    assertEquals(findDuplicateMember(JSON.stringify(value, null, indent)), undefined);
  }));
});

Deno.test("findDuplicateMember() takes texts with names and marks in them for texts", () => {
  for (const value of [{ a: '"a":1,"a"', b: "{[}]," }, ["a", "a"], [{ a: 1 }, { a: 1 }], "x".repeat(2 ** 20), {}]) {
    assertEquals(findDuplicateMember(JSON.stringify(value)), undefined);
  }
  // A backslash at the end of a long text, and depth, take no stack.
  assertEquals(findDuplicateMember(`["${"\\\\".repeat(2 ** 20)}"]`), undefined);
  assertEquals(findDuplicateMember('{"a":'.repeat(5000) + '{"b":1,"b":2}' + "}".repeat(5000))?.path.length, 5000);
});
