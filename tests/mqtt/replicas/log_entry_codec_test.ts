import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import type { QoS } from "../../../src/mqtt/broker.ts";
import type { LogEntry } from "../../../src/mqtt/replicas/event_log.ts";
import { decodeLogEntry, encodeLogEntry } from "../../../src/mqtt/replicas/log_entry_codec.ts";

const qos = fc.constantFrom<QoS>(0, 1, 2);
const text = fc.string({ unit: "binary" });
const number = fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true }));

const entry: fc.Arbitrary<LogEntry> = fc.oneof(
  fc.record({
    type: fc.constant("message" as const),
    message: fc.record({
      topic: text,
      payload: fc.uint8Array(),
      qos,
      retain: fc.constant(false as boolean),
      omittedBytes: fc.nat(2 ** 31),
      packetId: fc.integer({ min: 1, max: 0xffff }),
    }, { requiredKeys: ["topic", "payload", "qos", "retain"] }),
    receivedAt: number,
  }),
  fc.constant<LogEntry>({ type: "gap" }),
  fc.constant<LogEntry>({ type: "wanted" }),
  fc.record({ type: fc.constant("offline" as const), reason: text }),
  fc.record({
    type: fc.constant("granted" as const),
    filters: fc.array(fc.tuple(text, fc.option(qos, { nil: undefined }))),
  }),
);

Deno.test("decodeLogEntry() returns what encodeLogEntry() was given", () => {
  fc.assert(fc.property(entry, (entry) => assertEquals(decodeLogEntry(encodeLogEntry(entry)), entry)));
});

Deno.test("decodeLogEntry() throws a SyntaxError, or returns an entry, for any bytes", () => {
  fc.assert(fc.property(fc.oneof(fc.uint8Array(), entry.map(encodeLogEntry)), fc.nat(40), (bytes, length) => {
    const damaged = bytes.subarray(0, length);
    try {
      decodeLogEntry(damaged);
    } catch (error) {
      assert(error instanceof SyntaxError, String(error));
    }
  }));
});

Deno.test("decodeLogEntry() throws for what no version has written", () => {
  const utf8 = new TextEncoder();
  for (
    const bytes of [
      [],
      [0],
      [6],
      [1, 0, 0],
      [1, 3, ...new Uint8Array(10)],
      [1, 0, ...new Uint8Array(8), 0, 1],
      [3, 0xff],
      [4, ...utf8.encode("{")],
      [4, ...utf8.encode('[["a",3]]')],
    ]
  ) assertThrows(() => decodeLogEntry(Uint8Array.from(bytes)), SyntaxError);
});

Deno.test("encodeLogEntry() throws for a topic that MQTT cannot carry", () => {
  const message = { topic: "a".repeat(65_536), payload: new Uint8Array(), qos: 0 as const, retain: false };
  assertThrows(() => encodeLogEntry({ type: "message", message, receivedAt: 0 }), RangeError, "65,535");
});
