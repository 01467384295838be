/**
 * Numbers of requests keep their digits. Not among tests/protocol, which run on Node 20 as well: it has no JSON.rawJSON,
 * and only the gateway needs it.
 */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { OpenedText } from "../../src/protocol/aead.ts";
import {
  hasMoreValues,
  isDeeperThan,
  keepsNumbers,
  mayChangeNumbers,
  memberTexts,
  parseExact,
  plainNumber,
} from "../../src/lib/exact_json.ts";
import { keepDigits, parsePayload } from "../../src/protocol/payload.ts";
import { parseJeedomRequest } from "../../src/services/jeedom/request.ts";
import { parsePublishRequest } from "../../src/services/mqtt/request.ts";

const opened = (text: string) => keepDigits(parsePayload(text as OpenedText), text as OpenedText);

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

Deno.test("keepDigits() keeps the digits of params and message, and reads all other fields as numbers", () => {
  const payload = opened('{"timestamp":1700000000.0,"qos":1.0,"topic":"t","message":[1.0,1e400],"broker_port":1883.0}');
  assertEquals(payload["timestamp"], 1_700_000_000);
  const { qos, message, broker_port: port } = parsePublishRequest(payload);
  assertEquals([qos, port, JSON.stringify(message)], [1, 1883, "[1.0,1e400]"]);
});

Deno.test("keepDigits() takes the last of two members of the same name, as PHP does", () => {
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
      const expected = levels > 20_000
        ? "FieldError: Payload must hold at most 20000 objects, lists and members"
        : levels > 255
        ? "FieldError: Invalid field: message: must be nested at most 255 levels deep"
        : number;
      assertEquals(outcome, expected);
    }
  }
});

Deno.test("memberTexts() finds the text of each member, whatever is in it and around it", () => {
  const indent = fc.constantFrom(undefined, 0, 1, "\t");
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), indent, (value, space) => {
    const text = JSON.stringify(value, null, space);
    const expected = Object.entries(JSON.parse(text)).map(([name, one]) => [name, JSON.stringify(one)]);
    const found = [...memberTexts(text)].filter(([, one]) => one !== "")
      .map(([name, one]) => [name, JSON.stringify(JSON.parse(one))]);
    assertEquals(found.sort(), expected.sort());
  }));
  const odd = '{"a\\"b":"\\\\","c":"}\\\\\\"{,","\\u0064":[{"a":1.0},"]"],"a":1,"a" : 2.0 }';
  assertEquals([...memberTexts(odd)].map(([name, text]) => [name, text.trim()]), [
    ['a"b', '"\\\\"'],
    ["c", '"}\\\\\\"{,"'],
    ["d", '[{"a":1.0},"]"]'],
    ["a", "2.0"],
  ]);
});

Deno.test("hasMoreValues() counts a value and all within it", () => {
  const value = [{ a: [1, null] }, "b"];
  assertEquals([5, 6].map((max) => hasMoreValues(max, value)), [true, false]);
});

Deno.test("keepsNumbers() compares numbers only", () => {
  for (const text of ['[1, 2.5 ,{ "1.0" : "a\\"1e400,\\\\" }]', '"1.0"', "[0.1234567890123456,1234567890123456]"]) {
    assert(keepsNumbers(text, JSON.parse(text)), text);
  }
  for (const text of ["[1.0]", "6066005651767221768", "1e400", '{"a":[-0]}', '["\\"",1.0,"\\""]']) {
    assert(!keepsNumbers(text, JSON.parse(text)), text);
  }
});

Deno.test("keepDigits() refuses numbers to be kept among more values than can be parsed quickly, and nothing else", () => {
  const outcome = (fields: string) => {
    try {
      const { params, message } = opened(`{"timestamp":1.7E9,${fields}}`);
      return JSON.stringify([params, message].find((value) => value !== undefined));
    } catch (error) {
      return String(error);
    }
  };
  const list = (count: number, number: string) => `[${Array(count).fill(number).join(",")}]`;
  assertEquals(outcome(`"message":${list(9999, "1.0")}`), list(9999, "1.0"));
  const fault = "must hold at most 10000 values, for numbers such as 1.0 or with more than 15 digits to be kept";
  for (const number of ["1.0", "6066005651767221768", "1e400"]) {
    assertEquals(outcome(`"message":${list(10_000, number)}`), `FieldError: Invalid field: message: ${fault}`);
    assertEquals(outcome(`"params":{"a":${list(10_000, number)}}`), `FieldError: Invalid field: params: ${fault}`);
  }
  // A text may contain digits, and a Java client formats its timestamp in another way.
  for (const value of ["1", "0.5", "0.1234567890123456", '"5e1.0"']) {
    assertEquals(outcome(`"message":${list(20_000, value)}`), list(20_000, value));
  }
  // Other fields are not forwarded.
  assertEquals(outcome(`"message":2.0,"other":${list(20_000, "1.0")}`), "2.0");
});
