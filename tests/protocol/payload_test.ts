import { assertEquals, assertThrows } from "@std/assert";
import type { OpenedText } from "../../src/protocol/aead.ts";
import { FieldError, parsePayload } from "../../src/protocol/payload.ts";

const opened = (text: string) => text as OpenedText;

Deno.test("parsePayload() refuses everything but one JSON object", () => {
  for (const text of ["null", "[]", '["a"]', "1", '"x"', "true", "", "{", "{} {}", "undefined", "NaN"]) {
    assertThrows(() => parsePayload(opened(text)), FieldError, "Payload must be one JSON object");
  }
});

Deno.test("parsePayload() refuses too many objects, lists and members, and nothing else", () => {
  const request = (count: number, value: string) => opened(`{"message":[${Array(count).fill(value).join(",")}]}`);
  for (const [value, parts] of [["{}", 1], ["[]", 1], ['{"a":1}', 2], ['{"a" : [ ]}', 3]] as const) {
    // The payload, its member and the list are parts as well.
    const most = Math.floor((20_000 - 3) / parts);
    parsePayload(request(most, value));
    assertThrows(() => parsePayload(request(most + 1, value)), FieldError, "at most 20000 objects, lists and members");
  }
  for (const value of ["1", '"{[:"', '"\\"{"', "null", '"\\\\"']) parsePayload(request(50_000, value));
});

Deno.test("parsePayload() keeps __proto__ an ordinary field", () => {
  const payload = parsePayload(opened('{"__proto__":{"service":"mqtt"}}'));
  assertEquals(payload["service"], undefined);
});
