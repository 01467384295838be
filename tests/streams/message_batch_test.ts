import { assertEquals, assertStrictEquals } from "@std/assert";
import type { MessageEvent, StreamEvent } from "../../src/protocol/event.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { MessageBatches } from "../../src/streams/message_batch.ts";
import { makeKey } from "../support/key.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
const key = await makeKey("#");

const message = (payload: string | null, offset = 0): MessageEvent => ({
  type: "message",
  topic: "küche/☀",
  payload,
  ...(payload === null ? { payload_b64: "/wA=" } : {}),
  qos: 1,
  retain: false,
  timestamp: 5,
  epoch: "e",
  offset,
});

const notice = (type: "gap" | "online"): StreamEvent => ({ type, message: "x", timestamp: 5, epoch: "e", offset: 3 });

/** Batches of a stream that has had enough of them to join any number of messages. */
function grown(): MessageBatches {
  const batches = new MessageBatches();
  for (let count = 0; count < 10; count++) batches.join([encoder.event(key, message("x"))]);
  return batches;
}

function joined(events: readonly StreamEvent[], batches = grown()): unknown[] {
  return batches.join(events.map((event) => encoder.event(key, event))).map(({ length, plaintext }) => {
    assertEquals(length, plaintext.length);
    return JSON.parse(decoder.decode(plaintext));
  });
}

/** Returns the message as it stands in a batch. */
function withoutType({ type: _, ...rest }: MessageEvent): Omit<MessageEvent, "type"> {
  return rest;
}

Deno.test("join() joins messages into one event with the same fields, without their types", () => {
  const messages = ["1", `"quoted", {"type":"message",`, "☀".repeat(100), null].map(message);
  assertEquals(joined(messages), [{ type: "messages", messages: messages.map(withoutType) }]);
});

Deno.test("join() keeps every other event in its place between the messages, and single messages as they are", () => {
  const [a, b, c, d] = [message("x", 1), message("x", 2), message("x", 3), message("x", 4)];
  assertEquals(joined([a, notice("gap"), b, c, notice("online"), notice("gap"), d]), [
    a,
    notice("gap"),
    { type: "messages", messages: [withoutType(b), withoutType(c)] },
    notice("online"),
    notice("gap"),
    d,
  ]);
  assertEquals(joined([]), []);
});

Deno.test("join() does not copy an event that stays as it is", () => {
  const event = encoder.event(key, message("x"));
  assertStrictEquals(grown().join([event])[0], event);
});

Deno.test("join() begins with a small batch, and each may have twice as many bytes as the one before", () => {
  const batches = new MessageBatches();
  const sizes = (count: number) =>
    joined(Array.from({ length: count }, (_, offset) => message("x".repeat(20), offset)), batches).map((event) =>
      JSON.stringify(event).match(/"payload"/g)?.length
    );
  assertEquals(sizes(60), [1, 3, 7, 15, 30, 4]);
  assertEquals(sizes(100), [100]);
});
