import { assertEquals, assertStrictEquals } from "@std/assert";
import type { ReceivedMessage } from "../../../src/mqtt/hub/received_message.ts";
import { SharedPayloads } from "../../../src/mqtt/hub/received_message.ts";

function message(payload: string, offset: number): ReceivedMessage {
  const position = { epoch: "e", offset };
  return { position, topic: "t", payload, payloadBytes: payload.length, qos: 0, retain: true, receivedAt: offset };
}

Deno.test("share() returns equal messages, which share the memory of equal payloads", () => {
  const payloads = new SharedPayloads();
  const large = "x".repeat(100_000);
  const first = payloads.share(message(large, 1));
  assertEquals(payloads.share(message(`${large}`, 2)), message(large, 2));
  assertEquals(payloads.share(message("y".repeat(100_000), 3)), message("y".repeat(100_000), 3));
  assertStrictEquals(first.payload, large);
});
