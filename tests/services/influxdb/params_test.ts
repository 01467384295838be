import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseExact } from "../../../src/lib/exact_json.ts";
import { FieldError } from "../../../src/protocol/payload.ts";
import { type Param, PARAM_SCHEMA, parseParams } from "../../../src/services/influxdb/params.ts";
import { parseSpan } from "../../../src/services/influxdb/times.ts";
import { parseTime } from "../../../src/services/influxdb/times.ts";

const NOW = Date.UTC(2027, 0, 31, 12);
const DAY = 86_400_000;

function paramOf(definition: unknown): Param {
  const { data } = PARAM_SCHEMA.safeParse(definition);
  if (data === undefined) throw new Error("No valid definition");
  return data;
}

/** Parses one value of a parameter; returns its fault as text. */
function parse(definition: unknown, value: unknown) {
  return paramOf(definition).parse(value, NOW);
}

Deno.test("parseTime() takes relative times, ISO 8601, and seconds or milliseconds since 1970", () => {
  const times: [unknown, number | undefined][] = [
    ["now", NOW],
    ["-7d", NOW - 7 * DAY],
    ["-90s", NOW - 90_000],
    [NOW, NOW],
    [NOW / 1000, NOW],
    [NOW / 1000 + 0.5, NOW + 500],
    ["2027-01-31", Date.UTC(2027, 0, 31)],
    ["2027-01-31T12:00:00Z", NOW],
    ["2027-01-31T13:00:00.000+01:00", NOW],
    ["2027-01-31T12:00:00", undefined],
    ["2027-13-01", undefined],
    ["2027-02-30", undefined],
    ["2027-02-30T12:00:00Z", undefined],
    ["7d", undefined],
    ["-7 days", undefined],
    ["", undefined],
    [NaN, undefined],
    [1e300, undefined],
    [null, undefined],
    [{}, undefined],
  ];
  for (const [value, expected] of times) assertEquals(parseTime(value, NOW), expected, String(value));
});

Deno.test("parseSpan() takes durations up to fifty years", () => {
  assertEquals([parseSpan("30s"), parseSpan("10m"), parseSpan("4w"), parseSpan("18250d")], [
    30_000,
    600_000,
    28 * DAY,
    18_250 * DAY,
  ]);
  for (const text of ["0s", "1", "s", "-1d", "1.5h", "18251d", "9999999999w", "1d1h", "1ms"]) {
    assertEquals(parseSpan(text), undefined);
  }
});

Deno.test("a time is refused if it is older than maxAge, or in the future beyond maxAhead", () => {
  const time = { type: "time", maxAge: "31d" };
  assertEquals(parse(time, "-31d"), { kind: "time", ms: NOW - 31 * DAY });
  assertEquals(parse(time, "-32d"), "must be at most 31d ago");
  assertEquals(parse(time, 0), "must be at most 31d ago");
  // Clocks of clients may be wrong by some minutes.
  assertEquals(parse(time, NOW - 31 * DAY - 60_000), { kind: "time", ms: NOW - 31 * DAY - 60_000 });
  assertEquals(parse(time, NOW + 60_000), { kind: "time", ms: NOW + 60_000 });
  assertEquals(parse(time, NOW + DAY), "must not be in the future");
  assertEquals(parse({ ...time, maxAhead: "2d" }, NOW + DAY), { kind: "time", ms: NOW + DAY });
  assertEquals(parse({ ...time, maxAhead: "2d" }, NOW + 3 * DAY), "must be at most 2d ahead");
  assertEquals(parse({ type: "time" }, "-32d"), "must be at most 31d ago");
});

Deno.test("an enum and an identifier take the values and patterns of their definition alone", () => {
  assertEquals(parse({ type: "enum", values: ["a b", "c"] }, "a b"), { kind: "text", text: "a b" });
  assertEquals(parse({ type: "enum", values: ["a b", "c"] }, "d"), "must be one of: a b, c");
  assertEquals(parse({ type: "enum", values: ["1"] }, 1), "must be one of: 1");
  const identifier = { type: "identifier", values: ['odd " name'], pattern: "temp_*" };
  assertEquals(parse(identifier, 'odd " name'), { kind: "identifier", name: 'odd " name' });
  assertEquals(parse(identifier, "temp_1"), { kind: "identifier", name: "temp_1" });
  for (const name of ["humidity", 'temp_"', "temp_ x", "temp_\n", "temp_;", "", 1, null]) {
    assertEquals(parse(identifier, name), 'must be one of: odd " name, temp_*');
  }
});

Deno.test("a number, a text and a duration are bounded", () => {
  assertEquals(parse({ type: "number", min: 1, max: 5 }, 2.5), { kind: "number", number: 2.5, isInteger: false });
  assertEquals(parse({ type: "number", min: 1, max: 5, integer: true }, 2.5), "must be a whole number from 1 to 5");
  for (const value of [0, 6, NaN, Infinity, "2", null, true]) {
    assertEquals(parse({ type: "number", min: 1, max: 5 }, value), "must be a number from 1 to 5");
  }
  assertEquals(parse({ type: "number" }, 1e16), "must be a number from -1000000000000000 to 1000000000000000");
  assertEquals(parse({ type: "text", maxLength: 3 }, "é😀"), { kind: "text", text: "é😀" });
  for (const value of ["abcd", "a\nb", "a\0", "\ud800", "\u202e", 1]) {
    assertEquals(
      parse({ type: "text", maxLength: 3 }, value),
      "must be a text of at most 3 characters without control characters",
    );
  }
  assertEquals(parse({ type: "duration", min: "1m", max: "1d" }, "10m"), { kind: "duration", ms: 600_000 });
  assertEquals(parse({ type: "duration" }, "1s"), "must be at least 1m");
  assertEquals(parse({ type: "duration", max: "1d" }, "2d"), "must be at most 1d");
});

Deno.test("parseParams() names a parameter that is missing, wrong or unknown, and takes defaults", () => {
  const params = new Map([
    ["room", paramOf({ type: "text" })],
    ["count", paramOf({ type: "number", default: 7 })],
  ]);
  assertEquals([...parseParams(params, { room: "attic" }, NOW)], [
    ["room", { kind: "text", text: "attic" }],
    ["count", { kind: "number", number: 7, isInteger: false }],
  ]);
  assertThrows(() => parseParams(params, {}, NOW), FieldError, "Missing required field: params.room");
  assertThrows(() => parseParams(params, { room: null }, NOW), FieldError, "Missing required field: params.room");
  assertThrows(() => parseParams(params, { room: 1 }, NOW), FieldError, "Invalid field: params.room: must be a text");
  assertThrows(
    () => parseParams(params, { room: "a", x: 1 }, NOW),
    FieldError,
    'Invalid field: params: no such parameter: "x". There are: room, count',
  );
  // An own member of JSON, not of the object's prototype.
  assertThrows(() => parseParams(new Map(), JSON.parse('{"__proto__":1}'), NOW), FieldError, "There are: none");
});

Deno.test("parseParams() takes numbers whose digits are kept", () => {
  const params = new Map([["count", paramOf({ type: "number" })]]);
  const given = parseExact('{"count":1.0}') as Readonly<Record<string, unknown>>;
  assertEquals([...parseParams(params, given, NOW)], [["count", { kind: "number", number: 1, isInteger: false }]]);
});

Deno.test("no value of any kind breaks a parameter: it is taken or has a fault", () => {
  const definitions = [
    { type: "time" },
    { type: "enum", values: ["a"] },
    { type: "identifier", pattern: "*" },
    { type: "number" },
    { type: "text" },
    { type: "duration" },
  ].map((definition) => paramOf(definition));
  fc.assert(fc.property(fc.anything(), (value) => {
    for (const param of definitions) {
      const parsed = param.parse(value, NOW);
      if (typeof parsed !== "string" && "ms" in parsed) assertEquals(Number.isSafeInteger(parsed.ms), true);
    }
  }));
});
