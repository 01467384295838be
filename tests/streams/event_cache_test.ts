import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { EventCache } from "../../src/streams/event_cache.ts";
import type { SharedMessage } from "../../src/streams/shared_message.ts";

const MIB = 2 ** 20;

function message(offset: number, payloadBytes: number): SharedMessage {
  const position = { epoch: "e", offset };
  return { position, topic: "t", payload: "", payloadBytes, qos: 0, retain: false, receivedAt: 0 };
}

Deno.test("EventCache keeps the newest messages, and evicts the oldest beyond 4 MiB", () => {
  const cache = new EventCache();
  const messages = Array.from({ length: 10 }, (_, offset) => message(offset, MIB - 512));
  const entries = messages.map((one) => cache.add(one));
  assertEquals(messages.map((one) => cache.get(one) !== undefined), [...Array(6).fill(false), ...Array(4).fill(true)]);
  assertStrictEquals(messages[9] && cache.get(messages[9]), entries[9]);
  assertEquals(cache.bytes, 4 * MIB);
});

Deno.test("grow() evicts other messages, and the grown one only once there is a newer one", () => {
  const cache = new EventCache();
  const [old, large, next] = [message(1, 1000), message(2, 1000), message(3, 1000)];
  cache.add(old);
  cache.grow(cache.add(large), 5 * MIB);
  assertEquals([cache.get(old) === undefined, cache.get(large) === undefined], [true, false]);
  cache.add(next);
  assertEquals([cache.get(large) === undefined, cache.bytes], [true, 1512]);
});

Deno.test("a message that was evicted can be added again, as the newest one", () => {
  const cache = new EventCache();
  const again = message(0, MIB);
  cache.add(again);
  for (let offset = 1; offset <= 4; offset++) cache.add(message(offset, MIB));
  assertEquals(cache.get(again), undefined);
  cache.add(again);
  cache.add(message(5, MIB));
  assert(cache.get(again) !== undefined);
});
