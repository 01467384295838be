import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../src/cli/args.ts";
import { parseParamValues } from "../../src/cli/param_values.ts";

const LINE = { synopsis: "deno task x", summary: "", options: {} } as const;

const parse = (...words: readonly string[]) => parseParamValues(words, LINE);

Deno.test("parseParamValues() returns numbers, booleans and texts by name, and nothing without arguments", () => {
  assertEquals(parse(), undefined);
  const words = ["degrees=21.5", "on=true", "off=false", "room=attic", "path=a=b", "empty=", 'code="42"', "from=-7d"];
  assertEquals(parse(...words), {
    degrees: 21.5,
    on: true,
    off: false,
    room: "attic",
    path: "a=b",
    empty: "",
    code: "42",
    from: "-7d",
  });
});

Deno.test("parseParamValues() returns what is no number, boolean or quoted text as it is", () => {
  for (const text of ["null", "[1]", "{}", "0x10", "1e", "01", "Infinity", '"a', "True", " a b\n", "2026-11-01"]) {
    assertEquals(parse(`a=${text}`), { a: text });
  }
});

Deno.test("parseParamValues() keeps the digits of a number", () => {
  for (const text of ["9007199254740993", "1.50", "-0", "1e400"]) {
    assertEquals(JSON.stringify(parse(`a=${text}`)), `{"a":${text}}`);
  }
});

Deno.test("parseParamValues() has a name that is also a member of objects", () => {
  const values = parse("__proto__=1", "constructor=2");
  assertEquals(Object.entries(values ?? {}), [["__proto__", 1], ["constructor", 2]]);
});

Deno.test("parseParamValues() refuses an argument without a name, and a name twice, without its value", () => {
  for (const words of [["secret"], ["=secret"], [""], ["a=1", "a=secret"]]) {
    const { message } = assertThrows(() => parse(...words), UsageError);
    assert(!message.includes("secret"), message);
  }
});

Deno.test("parseParamValues() returns any text that is quoted as JSON", () =>
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(parse(`a=${JSON.stringify(text)}`), { a: text });
  })));
