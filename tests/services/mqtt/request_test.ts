import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { FieldError } from "../../../src/protocol/payload.ts";
import { parsePublishRequest, parseSubscribeRequest } from "../../../src/services/mqtt/request.ts";

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

Deno.test("parsePublishRequest() treats null as absent, except as the message that clears", () => {
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

Deno.test("parsePublishRequest() refuses a message that UTF-8 cannot encode, and accepts it within JSON, which can", () => {
  for (const message of ["\ud800", "a\udfffb", "\udc00\ud800"]) {
    assertThrows(() => parsePublishRequest({ topic: "t", message }), FieldError, "Invalid field: message");
    assertEquals(parsePublishRequest({ topic: "t", message: [message] }).message, [message]);
  }
  assertEquals(parsePublishRequest({ topic: "t", message: "\u{1f600}" }).message, "\u{1f600}");
});

Deno.test("parseSubscribeRequest() joins topic and topics without repeats", () => {
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

Deno.test("the parsers throw nothing but a FieldError on any JSON object", () => {
  const parsers = [parsePublishRequest, parseSubscribeRequest];
  const fields = [
    "topic",
    "topics",
    "message",
    "payload_b64",
    "qos",
    "retain",
    "keep",
    "since",
    "broker_host",
    "broker_port",
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
