/**
 * Numbers of requests keep their digits. Not among tests/protocol, which run on Node 20 as well: it has no JSON.rawJSON,
 * and only the gateway needs it.
 */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { OpenedText } from "../../src/protocol/aead.ts";
import { isDeeperThan, mayChangeNumbers, parseExact, plainNumber } from "../../src/protocol/exact_json.ts";
import { parseJeedomRequest, parsePayload, parsePublishRequest } from "../../src/protocol/payload.ts";

const opened = (text: string) => parsePayload(text as OpenedText);

/** Any number that JSON can write, in any of its spellings. */
const numberText = fc.tuple(
  fc.constantFrom("", "-"),
  fc.oneof(fc.constant("0"), fc.stringMatching(/^[1-9][0-9]{0,25}$/)),
  fc.oneof(fc.constant(""), fc.stringMatching(/^\.[0-9]{1,25}$/)),
  fc.oneof(fc.constant(""), fc.stringMatching(/^[eE][+-]?[0-9]{1,4}$/)),
).map((parts) => parts.join(""));

Deno.test("parseExact() keeps the digits of every number at any depth", () => {
  fc.assert(fc.property(numberText, (number) => {
    const text = `{"a":[${number},{"b":${number}}],"c":"${number}"}`;
    assertEquals(JSON.stringify(parseExact(text)), text);
  }));
});

Deno.test("mayChangeNumbers() overlooks no number that JSON.stringify would change", () => {
  fc.assert(
    fc.property(numberText, (number) => {
      const text = `{"a":[${number}]}`;
      if (!mayChangeNumbers(text)) assertEquals(JSON.stringify(JSON.parse(text)), text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("mayChangeNumbers() lets the numbers of an ordinary request pass", () => {
  const text = '{"jsonrpc":"cmd::execCmd","params":{"id":"12","options":{"slider":50}},"timestamp":1700000000.123}';
  assert(!mayChangeNumbers(text));
});

Deno.test("plainNumber() reads a number whose text was kept, and leaves every other value", () => {
  assertEquals(plainNumber(parseExact("59.0")), 59);
  for (const value of [1, "1.0", null, undefined]) assertEquals(plainNumber(value), value);
});

Deno.test("isDeeperThan() counts lists and objects in each other", () => {
  const value = [{ a: [1] }, 2];
  assertEquals([0, 1, 2, 3].map((levels) => isDeeperThan(levels, value)), [true, true, true, false]);
  assert(!isDeeperThan(0, parseExact("1.0")));
});

Deno.test("parsePayload() keeps the digits of params and message, and reads all other fields as numbers", () => {
  const payload = opened('{"timestamp":1700000000.0,"qos":1.0,"topic":"t","message":[1.0,1e400],"broker_port":1883.0}');
  assertEquals(payload["timestamp"], 1_700_000_000);
  const { qos, message, broker_port: port } = parsePublishRequest(payload);
  assertEquals([qos, port, JSON.stringify(message)], [1, 1883, "[1.0,1e400]"]);
});

Deno.test("parsePayload() takes the last of two members of the same name, as PHP does", () => {
  const payload = opened('{"message":1.0,"topic":"a","topic":"b","message":2.50}');
  assertEquals([payload["topic"], JSON.stringify(payload["message"])], ["b", "2.50"]);
});

Deno.test("parseJeedomRequest() refuses a number for params, however it is written", () => {
  for (const number of ["1", "1.0", "12345678901234567890"]) {
    let message = "";
    try {
      parseJeedomRequest(opened(`{"jsonrpc":"ping","params":${number}}`));
    } catch (error) {
      message = String(error);
    }
    assert(message.includes("Invalid field: params: must be an object"), message);
  }
});

Deno.test("the parsers refuse a field that is nested too deeply, and never overflow the stack", () => {
  for (const levels of [255, 256, 5000, 100_000]) {
    for (const number of ["1", "1.0"]) {
      const text = `{"topic":"t","message":${"[".repeat(levels)}${number}${"]".repeat(levels)},"other":0.10}`;
      let outcome: string;
      try {
        outcome = JSON.stringify(parsePublishRequest(opened(text)).message).replaceAll(/[[\]]/g, "");
      } catch (error) {
        outcome = String(error);
      }
      const expected = levels > 255
        ? "FieldError: Invalid field: message: must be nested at most 255 levels deep"
        : number;
      assertEquals(outcome, expected);
    }
  }
});
