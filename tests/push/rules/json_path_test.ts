import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { jsonText, parseJsonPath, valueAt } from "../../../src/push/rules/json_path.ts";

Deno.test("parseJsonPath() reads the singular queries of RFC 9535", () => {
  const cases: readonly (readonly [text: string, path: readonly (string | number)[]])[] = [
    ["$", []],
    ["$.battery", ["battery"]],
    ["$.a.b_2.é", ["a", "b_2", "é"]],
    ["$['a name'][0][\"it's\"]", ["a name", 0, "it's"]],
    ["$['']", [""]],
    ["$.__proto__", ["__proto__"]],
  ];
  for (const [text, path] of cases) assertEquals(parseJsonPath(text), path, text);
});

Deno.test("parseJsonPath() refuses queries of many values, and everything else", () => {
  const wrong = [
    "",
    "battery",
    "$.",
    "$..a",
    "$.*",
    "$[*]",
    "$[-1]",
    "$[?@.a]",
    "$[1:2]",
    "$['a','b']",
    "$.a-b",
    "$.2",
  ];
  for (const text of [...wrong, "$ .a", "$.a ", "$['\\u0041']", `$.${"a".repeat(200)}`]) {
    assertEquals(parseJsonPath(text), undefined, text);
  }
});

Deno.test("valueAt() finds own members and elements, and nothing that is inherited", () => {
  const json = JSON.parse('{"a":[{"b":null},"text"],"__proto__":{"x":1}}');
  const at = (text: string) => valueAt(json, parseJsonPath(text) ?? ["?"]);
  assertEquals(at("$.a[0].b"), null);
  assertEquals(at("$.__proto__.x"), 1);
  for (const text of ["$.a.length", "$.a[1].length", "$.a[2]", "$.toString", "$.constructor", "$.a['0']", "$[0]"]) {
    assertEquals(at(text), undefined, text);
  }
});

Deno.test("valueAt() finds each value of any JSON by its path", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 3 }), (json) => {
    for (const [path, value] of valuesOf(json, [])) assertEquals(valueAt(json, path), value);
  }));
});

Deno.test("jsonText() is a text itself, and the JSON of any other value", () => {
  const texts = ["on", 21.5, true, null, [1], { a: 1 }, undefined].map(jsonText);
  assertEquals(texts, ["on", "21.5", "true", "null", "[1]", '{"a":1}', undefined]);
});

function* valuesOf(
  json: unknown,
  path: readonly (string | number)[],
): Generator<readonly [readonly (string | number)[], unknown]> {
  yield [path, json];
  if (Array.isArray(json)) { for (const [index, value] of json.entries()) yield* valuesOf(value, [...path, index]); }
  else if (typeof json === "object" && json !== null) {
    for (const [name, value] of Object.entries(json)) yield* valuesOf(value, [...path, name]);
  }
}
