import { assert, assertEquals } from "@std/assert";
import { EventStream, type EventStreamOptions } from "../../src/gateway/event_stream.ts";
import type { SealedText } from "../../src/protocol/envelope.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { within } from "../deadline.ts";

const decoder = new TextDecoder();

function message(payload: string): StreamEvent {
  return { type: "message", topic: "t", payload, qos: 0, retain: false, timestamp: 0 };
}

/** A stream that "seals" by showing the plaintext, each event after another number of turns. */
function makeStream(options: Partial<EventStreamOptions> = {}) {
  const ends = { count: 0 };
  let sealing = 0;
  const stream = new EventStream({
    async seal(plaintext) {
      for (let turn = (sealing++ * 7) % 5; turn > 0; turn--) await Promise.resolve();
      return decoder.decode(plaintext) as SealedText;
    },
    maxQueueBytes: 1_000_000,
    patienceMs: 60_000,
    keepAliveMs: 60_000,
    onEnd: () => void (ends.count += 1),
    now: () => 5500,
    ...options,
  });
  return { stream, ends };
}

function eventsOf(text: string): StreamEvent[] {
  return text.split("\n\n").filter((block) => block.startsWith("data: ")).map((block) => JSON.parse(block.slice(6)));
}

Deno.test("an event stream sends events in the order of their pushing, however long each takes to seal", async () => {
  const { stream } = makeStream();
  const expected = Array.from({ length: 500 }, (_, index) => String(index));
  const text = new Response(stream.body).text();
  for (const [index, payload] of expected.entries()) {
    stream.push(message(payload));
    if (index % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  stream.end("disconnected", "done");
  const payloads = eventsOf(await text).flatMap((event) => event.type === "message" ? [event.payload] : []);
  assertEquals(payloads, expected);
});

Deno.test("end() appends the last event with its time and closes the stream", async () => {
  const { stream, ends } = makeStream();
  stream.push(message("x"));
  stream.end("error", "broken");
  stream.end("disconnected", "again");
  stream.push(message("too late"));
  const events = eventsOf(await new Response(stream.body).text());
  assertEquals(events.map(({ type }) => type), ["message", "error"]);
  assertEquals(events[1], { type: "error", message: "broken", timestamp: 5 });
  assertEquals(ends.count, 1);
});

Deno.test("a silent stream shows that it lives by a comment", async () => {
  const { stream } = makeStream({ keepAliveMs: 5 });
  const reader = stream.body.getReader();
  for (let count = 0; count < 3; count++) {
    const { value } = await within("keep-alive", reader.read());
    assertEquals(decoder.decode(value), ": keepalive\n\n");
  }
  await reader.cancel();
});

Deno.test("a listener that leaves frees what feeds the stream, once, and leaves no timer", async () => {
  const { stream, ends } = makeStream();
  const reader = stream.body.getReader();
  const pending = reader.read();
  await reader.cancel();
  await pending;
  stream.push(message("nobody listens"));
  stream.end("error", "nobody listens");
  assertEquals(ends.count, 1);
});

Deno.test("push() asks to wait while the queue is full, and goes on when the listener reads", async () => {
  const { stream, ends } = makeStream({ maxQueueBytes: 1000 });
  let wait: Promise<void> | undefined;
  let pushed = 0;
  while (wait === undefined) {
    wait = stream.push(message(`${pushed++}`.padStart(100, "0")));
  }
  const reader = stream.body.getReader();
  await reader.read();
  await within("room", wait);
  assertEquals(ends.count, 0);
  assertEquals(stream.push(message("more")), undefined);
  await reader.cancel();
});

Deno.test("a listener that stays too slow is shown out with a visible reason, and what waited is dropped", async () => {
  const { stream, ends } = makeStream({ maxQueueBytes: 1000, patienceMs: 5 });
  let wait: Promise<void> | undefined;
  while (wait === undefined) wait = stream.push(message("x".repeat(100)));
  await within("room", wait);
  assertEquals(ends.count, 1);
  const events = eventsOf(await new Response(stream.body).text());
  assertEquals(events.map(({ type }) => type), ["error"]);
  const [last] = events;
  assert(last?.type === "error" && last.message.startsWith("Too slow: more than 1000 bytes"));
});

Deno.test("a single event larger than the queue still passes", async () => {
  const { stream } = makeStream({ maxQueueBytes: 10 });
  const wait = stream.push(message("x".repeat(100_000)));
  const reader = stream.body.getReader();
  const { value } = await within("large event", reader.read());
  assert((value?.length ?? 0) > 100_000);
  await within("room", wait ?? Promise.resolve());
  await reader.cancel();
});
