import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import type { OpenedText } from "../../src/protocol/aead.ts";
import {
  FieldError,
  parseJeedomRequest,
  parsePayload,
  parsePublishRequest,
  parseSubscribeRequest,
} from "../../src/protocol/payload.ts";

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

Deno.test("parseJeedomRequest() names the field that is missing or wrong", () => {
  const faults: [Record<string, unknown>, string][] = [
    [{}, "Missing required field: jsonrpc"],
    [{ jsonrpc: null }, "Missing required field: jsonrpc"],
    [{ jsonrpc: "" }, "Missing required field: jsonrpc"],
    [{ jsonrpc: 1 }, "Invalid field: jsonrpc"],
    [{ jsonrpc: "a b" }, "Invalid field: jsonrpc"],
    [{ jsonrpc: "a".repeat(129) }, "Invalid field: jsonrpc"],
    [{ jsonrpc: "ping", apikey: ["x"] }, "Invalid field: apikey"],
    [{ jsonrpc: "ping", params: [] }, "Invalid field: params"],
    [{ jsonrpc: "ping", params: "x" }, "Invalid field: params"],
    [{ jsonrpc: "ping", endpoint: 5 }, "Invalid field: endpoint"],
  ];
  for (const [payload, message] of faults) {
    assertThrows(() => parseJeedomRequest(payload), FieldError, message);
  }
});

Deno.test("parsePublishRequest() names the field that is missing or wrong", () => {
  const good = { topic: "t", message: "m" };
  const faults: [Record<string, unknown>, string][] = [
    [{ message: "m" }, "Missing required field: topic"],
    [{ topic: "", message: "m" }, "Missing required field: topic"],
    [{ topic: "t" }, "Missing required field: message"],
    [{ ...good, topic: 1 }, "Invalid field: topic"],
    [{ ...good, qos: 3 }, "Invalid field: qos"],
    [{ ...good, qos: "1" }, "Invalid field: qos"],
    [{ ...good, qos: 0.5 }, "Invalid field: qos"],
    [{ ...good, retain: "yes" }, "Invalid field: retain"],
    [{ ...good, broker_port: 0 }, "Invalid field: broker_port"],
    [{ ...good, broker_port: 65_536 }, "Invalid field: broker_port"],
    [{ ...good, broker_host: "" }, "Invalid field: broker_host"],
    [{ ...good, username: 7 }, "Invalid field: username"],
    [{ ...good, username: "\u20ac".repeat(30_000) }, "Invalid field: username: must be a string of 0 to 65535 bytes"],
    [{ ...good, password: {} }, "Invalid field: password"],
  ];
  for (const [payload, message] of faults) {
    assertThrows(() => parsePublishRequest(payload), FieldError, message);
  }
});

Deno.test("parsePublishRequest() treats null as absent, except for the message that clears", () => {
  const request = parsePublishRequest({
    topic: "t",
    message: null,
    qos: null,
    retain: null,
    broker_host: null,
    broker_port: null,
    username: null,
    password: null,
  });
  assertEquals(request.message, null);
  assertEquals([request.qos, request.retain, request.broker_host, request.username], Array(4).fill(undefined));
});

Deno.test("parsePublishRequest() refuses a message that UTF-8 cannot encode, and accepts one in JSON", () => {
  for (const message of ["\ud800", "a\udfffb", "\udc00\ud800"]) {
    assertThrows(() => parsePublishRequest({ topic: "t", message }), FieldError, "Invalid field: message");
    assertEquals(parsePublishRequest({ topic: "t", message: [message] }).message, [message]);
  }
  assertEquals(parsePublishRequest({ topic: "t", message: "\u{1f600}" }).message, "\u{1f600}");
});

Deno.test("parseSubscribeRequest() joins topic and topics without duplicates", () => {
  assertEquals(parseSubscribeRequest({ topic: "a", topics: ["b", "a", "b"] }).filters, ["a", "b"]);
  assertEquals(parseSubscribeRequest({ topics: ["b"] }).filters, ["b"]);
  assertEquals(parseSubscribeRequest({ topic: "a" }).filters, ["a"]);
});

Deno.test("parseSubscribeRequest() needs a topic, and at most 100 of them", () => {
  for (const payload of [{}, { topic: "" }, { topic: null, topics: null }, { topics: [] }]) {
    assertThrows(() => parseSubscribeRequest(payload), FieldError, "Missing required field: topic");
  }
  assertThrows(() => parseSubscribeRequest({ topics: Array(101).fill("a") }), FieldError, "Invalid field: topics");
  assertThrows(() => parseSubscribeRequest({ topics: [1] }), FieldError, "Invalid field: topics");
});

Deno.test("the parsers throw only a FieldError on any JSON object", () => {
  const parsers = [parseJeedomRequest, parsePublishRequest, parseSubscribeRequest];
  const fields = [
    "jsonrpc",
    "apikey",
    "params",
    "endpoint",
    "topic",
    "topics",
    "message",
    "qos",
    "retain",
    "broker_host",
  ];
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()), (payload) => {
    for (const parse of parsers) {
      try {
        parse(payload);
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
      }
    }
  }));
});
