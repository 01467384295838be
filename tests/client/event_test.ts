import { assertEquals, assertThrows } from "@std/assert";
import { parseEvents } from "../../src/client/event.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };

const { batches, refused } = vectors.v2;

Deno.test("parseEvents() returns the events of every frozen batch, in order", () => {
  assertEquals(batches.length > 0, true);
  for (const { name, plaintext, events } of batches) {
    assertEquals<unknown>(parseEvents(plaintext), events.map((event) => JSON.parse(event)), name);
  }
});

Deno.test("parseEvents() refuses every batch that is frozen as refused", () => {
  assertEquals(refused.batches.length > 0, true);
  for (const { name, plaintext } of refused.batches) assertThrows(() => parseEvents(plaintext), SyntaxError, "", name);
});

Deno.test("parseEvents() returns nothing for a ping, and for an event that only newer clients know", () => {
  for (const type of ["ping", "weather"]) assertEquals(parseEvents(JSON.stringify({ type, timestamp: 1 })), []);
});

Deno.test("parseEvents() takes all that is in a batch for messages, whatever type they claim", () => {
  const [event] = parseEvents('{"type":"messages","messages":[{"type":"end","topic":"t"}]}');
  assertEquals<unknown>(event, { type: "message", topic: "t" });
});
