import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { FieldError } from "../../../src/protocol/payload.ts";
import { parseExact } from "../../../src/lib/exact_json.ts";
import { type Param, readParams } from "../../../src/services/action/params.ts";

/** Returns the value that a parameter takes from a request, or the message of its refusal. */
function read(param: Param, value: unknown): unknown {
  try {
    return readParams(new Map([["x", param]]), { x: value }).get("x");
  } catch (error) {
    if (error instanceof FieldError) return error.message;
    throw error;
  }
}

Deno.test("readParams() takes numbers within bounds and on a step", () => {
  const degrees: Param = { type: "number", min: 15, max: 24, step: 0.5 };
  for (const value of [15, 15.5, 24, 20]) assertEquals(read(degrees, value), value);
  assertEquals(read(degrees, 14.5), "Invalid field: params.x: must be at least 15");
  assertEquals(read(degrees, 24.5), "Invalid field: params.x: must be at most 24");
  assertEquals(read(degrees, 20.25), "Invalid field: params.x: must be 15 or a number of steps of 0.5 from it");
  for (const value of ["20", null, true, NaN, Infinity, [20], { valueOf: 20 }]) {
    assertEquals(read(degrees, value), "Invalid field: params.x: must be a number");
  }
  assertEquals(read({ type: "number", step: 0.1 }, 0.1 + 0.2), 0.1 + 0.2);
  assertEquals(read({ type: "number" }, -1e9), -1e9);
  for (const value of [15.0000001, 19.9999999, 15.000000001]) {
    assertEquals(read(degrees, value), "Invalid field: params.x: must be 15 or a number of steps of 0.5 from it");
  }
  assertEquals(read(degrees, parseExact("20.0")), 20);
  assertEquals(read(degrees, parseExact("1e400")), "Invalid field: params.x: must be a number");
});

Deno.test("readParams() takes every step as a client writes it, and nothing between two", () => {
  const cents = fc.integer({ min: -1_000_000, max: 1_000_000 });
  fc.assert(fc.property(cents, fc.integer({ min: 1, max: 10_000 }), fc.nat(1_000_000), (first, step, count) => {
    const param: Param = { type: "number", min: first / 100, step: step / 100 };
    const value = (first + count * step) / 100;
    assertEquals(read(param, value), value);
    assertMatch(String(read(param, value + step / 300)), /must be .* or a number of steps/);
  }));
});

Deno.test("readParams() takes the values of an enum with their type", () => {
  const mode: Param = { type: "enum", values: ["eco", 2] };
  assertEquals([read(mode, "eco"), read(mode, 2)], ["eco", 2]);
  for (const value of ["2", "ECO", "", null, true, ["eco"]]) {
    assertEquals(read(mode, value), 'Invalid field: params.x: must be "eco" or 2');
  }
});

Deno.test("readParams() takes true and false, and no other value for them", () => {
  assertEquals([read({ type: "boolean" }, true), read({ type: "boolean" }, false)], [true, false]);
  for (const value of [1, 0, "true", null]) {
    assertEquals(read({ type: "boolean" }, value), "Invalid field: params.x: must be true or false");
  }
});

Deno.test("readParams() takes text in one line", () => {
  const text: Param = { type: "text", maxLength: 5 };
  for (const value of ["", "hello", "é – 1"]) assertEquals(read(text, value), value);
  for (const value of ["hello!", "a\nb", "a\0", "\u2028", "\ud800", 5, null]) {
    assertEquals(read(text, value), "Invalid field: params.x: must be text of at most 5 characters in one line");
  }
});

Deno.test("readParams() refuses parameters that are missing, unknown or not an object", () => {
  const declared = new Map<string, Param>([["x", { type: "boolean" }]]);
  const refused = (given: unknown, message: string) =>
    assertThrows(() => readParams(declared, given), FieldError, message);
  refused(undefined, "Missing required field: params.x");
  refused({}, "Missing required field: params.x");
  refused([true], "Invalid field: params: must be an object");
  refused({ x: true, y: 1 }, "Invalid field: params: must have only x");
  refused(JSON.parse('{"x":true,"__proto__":{}}'), "Invalid field: params: must have only x");
  assertThrows(() => readParams(new Map(), { y: 1 }), FieldError, "Invalid field: params: must be absent");
  assertEquals(readParams(new Map(), null).size, 0);
});

Deno.test("readParams() takes any JSON value or refuses it with a FieldError", () => {
  const params: readonly Param[] = [
    { type: "number", min: 0, max: 10 },
    { type: "enum", values: ["a"] },
    { type: "boolean" },
    { type: "text", maxLength: 10 },
  ];
  fc.assert(fc.property(fc.constantFrom(...params), fc.jsonValue(), (param, value) => {
    const result = read(param, value);
    if (typeof result === "string" && result.startsWith("Invalid field: params.x: ")) return;
    assertEquals(result, value);
  }));
});
