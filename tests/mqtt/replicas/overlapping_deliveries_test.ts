import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { OverlappingDeliveries } from "../../../src/mqtt/replicas/overlapping_deliveries.ts";

/** Delivery of a payload for subscriptions. */
type Delivery = readonly [payload: string, subscriptions: readonly number[], topic?: string];

const utf8 = new TextEncoder();

/** Returns for each delivery whether it is a copy. */
function copies(deliveries: readonly Delivery[], generation = (_index: number) => 1): boolean[] {
  const overlapping = new OverlappingDeliveries();
  return deliveries.map(([payload, subscriptions, topic = "a"], index) =>
    overlapping.isCopy(
      { topic, payload: utf8.encode(payload), qos: 1, retain: false, subscriptions },
      generation(index),
    )
  );
}

Deno.test("isCopy() recognizes the deliveries of one message for other subscriptions", () => {
  assertEquals(copies([["x", [1]], ["x", [2]], ["x", [3]]]), [false, true, true]);
});

Deno.test("isCopy() recognizes no equal message that follows", () => {
  assertEquals(copies([["x", [1]], ["x", [1]]]), [false, false]);
  assertEquals(copies([["x", [1]], ["x", [2]], ["x", [1]], ["x", [2]]]), [false, true, false, true]);
  assertEquals(copies([["x", [1]], ["x", [1]], ["x", [2]], ["x", [2]], ["x", [2]]]), [false, false, true, true, false]);
  assertEquals(copies([["x", [1, 2]], ["x", [1, 2]]]), [false, false]);
});

Deno.test("isCopy() recognizes no message that differs in payload or topic", () => {
  assertEquals(copies([["x", [1]], ["y", [2]]]), [false, false]);
  assertEquals(copies([["x", [1], "a"], ["x", [2], "b"]]), [false, false]);
});

Deno.test("isCopy() recognizes nothing without identifiers", () => {
  assertEquals(copies([["x", []], ["x", []], ["x", [1]], ["x", []]]), [false, false, false, false]);
});

Deno.test("isCopy() recognizes no message after the end of a subscription", () => {
  assertEquals(copies([["x", [1]], ["x", [2]]], (index) => index), [false, false]);
});

Deno.test("isCopy() loses and repeats no message, for subscriptions that begin meanwhile", () => {
  // Each message with the subscriptions that match it; few payloads, so that equal ones follow each other.
  const messages = fc.array(fc.tuple(fc.constantFrom("on", "off"), fc.integer({ min: 1, max: 4 })));
  fc.assert(fc.property(messages, (messages) => {
    const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    const deliveries = messages.flatMap(([payload, count]) => ids(count).map((id): Delivery => [payload, [id]]));
    const found = copies(deliveries);
    assertEquals(
      deliveries.filter((_, index) => !found[index]).map(([payload]) => payload),
      messages.map(([payload]) => payload),
    );
  }));
});
