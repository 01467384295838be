import { assert, assertEquals, assertRejects } from "@std/assert";
import { recordTelemetry } from "../telemetry.ts";
import { Backlog } from "../../src/gateway/backlog.ts";
import { EventStream, type EventStreamOptions } from "../../src/gateway/event_stream.ts";
import { OutgoingEvent } from "../../src/gateway/outgoing_event.ts";
import { SHARED_FORMAT } from "../../src/gateway/stream_format.ts";
import type { Position, StreamEvent } from "../../src/protocol/event.ts";
import { within } from "../deadline.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

let sealing = 0;

/** An event that is "sealed" by showing it, each after another number of turns. */
function shown(event: StreamEvent): OutgoingEvent {
  const position = event.type === "message" ? { epoch: event.epoch, offset: event.offset } : undefined;
  const text = JSON.stringify(event);
  return new OutgoingEvent(encoder.encode(text), {
    position,
    async seal() {
      for (let turn = (sealing++ * 7) % 5; turn > 0; turn--) await Promise.resolve();
      return encoder.encode(`data: ${text}\n\n`);
    },
  });
}

function message(payload: string, offset = 0): OutgoingEvent {
  return shown({ type: "message", topic: "t", payload, qos: 0, retain: false, timestamp: 0, epoch: "e", offset });
}

function makeStream(options: Partial<EventStreamOptions> = {}) {
  const state = { ends: 0, closed: 0, tooSlow: 0, now: 0 };
  const telemetry = recordTelemetry();
  const stream = new EventStream({
    makeEvent: shown,
    format: SHARED_FORMAT,
    maxQueueBytes: 1_000_000,
    backlog: new Backlog(1_000_000),
    patienceMs: 60_000,
    keepAliveMs: 60_000,
    onEnd({ why }) {
      state.ends += 1;
      if (why === "too_slow") state.tooSlow += 1;
    },
    telemetry,
    onClosed: () => void (state.closed += 1),
    now: () => 5500,
    monotonic: () => state.now,
    ...options,
  });
  return { stream, state, told: telemetry.told };
}

/** What a listener sees of an event. */
interface Seen {
  readonly type: string;
  readonly payload?: string;
  readonly message?: string;
  readonly timestamp?: number;
  readonly resume?: Position;
}

function eventsOf(text: string): Seen[] {
  return text.split("\n\n").filter((block) => block.startsWith("data: ")).map((block) => JSON.parse(block.slice(6)));
}

async function allOf({ body }: EventStream): Promise<Seen[]> {
  let text = "";
  for await (const piece of body) text += decoder.decode(piece);
  return eventsOf(text);
}

Deno.test("an event stream sends events in the order of their pushing, however long each takes to seal", async () => {
  const { stream } = makeStream();
  const expected = Array.from({ length: 500 }, (_, index) => String(index));
  const all = allOf(stream);
  for (const [index, payload] of expected.entries()) {
    stream.push(message(payload));
    if (index % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  stream.end("broker", "done");
  assertEquals((await all).flatMap(({ payload }) => payload === undefined ? [] : [payload]), expected);
});

Deno.test("end() appends the last event with its time and closes the stream", async () => {
  const { stream, state } = makeStream();
  stream.push(message("x"));
  stream.end("failed", "broken");
  stream.end("broker", "again");
  stream.push(message("too late"));
  const events = await allOf(stream);
  assertEquals(events.map(({ type }) => type), ["message", "error"]);
  assertEquals(events[1], { type: "error", source: "gateway", code: "internal", message: "broken", timestamp: 5 });
  assertEquals(state.ends, 1);
});

Deno.test("tick() shows that a silent stream lives, before its silence is too long, and not sooner", async () => {
  const { stream, state } = makeStream({ keepAliveMs: 5000 });
  const reader = stream.body.getReader();
  let pending = reader.read();
  let read = 0;
  pending.then(() => read += 1);
  for (let second = 1; second <= 4; second++) {
    state.now = second * 1000;
    stream.tick();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(read, 0);
  }
  state.now = 4500;
  stream.tick();
  assertEquals(decoder.decode((await within("keep-alive", pending)).value), ": keepalive\n\n");
  pending = reader.read();
  stream.push(message("x"));
  assert(decoder.decode((await within("the event", pending)).value).startsWith("data: "));
  await reader.cancel();
});

Deno.test("a listener that leaves frees what feeds the stream, once", async () => {
  const backlog = new Backlog(1_000_000);
  const { stream, state } = makeStream({ backlog });
  const reader = stream.body.getReader();
  const pending = reader.read();
  stream.push(message("x"), true);
  stream.push(message("y"), true);
  await reader.cancel();
  await pending;
  stream.push(message("nobody listens"), true);
  stream.end("failed", "nobody listens");
  assertEquals([state.ends, backlog.bytes], [1, 0]);
});

Deno.test("push() shows a listener out with a reason and its place when too much waits, and drops what waited", async () => {
  const { stream, state } = makeStream({ maxQueueBytes: 1000 });
  const reader = stream.body.getReader();
  stream.push(message("first", 7));
  await reader.read();
  for (let offset = 8; state.ends === 0; offset++) stream.push(message("x".repeat(100), offset));
  stream.push(message("too late", 99));
  reader.releaseLock();
  const [last, ...more] = await allOf(stream);
  assertEquals(more, []);
  assertEquals(last, {
    type: "error",
    source: "gateway",
    code: "too_slow",
    message: "Too slow: more than 1000 bytes of events waited",
    timestamp: 5,
    resume: { epoch: "e", offset: 7 },
  });
  assertEquals([state.ends, state.tooSlow], [1, 1]);
});

Deno.test("a listener that reads is not too slow, however much comes in all", async () => {
  const { stream, state } = makeStream({ maxQueueBytes: 1000 });
  const reader = stream.body.getReader();
  for (let count = 0; count < 100; count++) {
    stream.push(message("x".repeat(500)));
    await reader.read();
  }
  assertEquals(state.ends, 0);
  await reader.cancel();
});

Deno.test("a single event larger than the queue still passes", async () => {
  const { stream, state } = makeStream({ maxQueueBytes: 10 });
  stream.push(message("x".repeat(100_000)));
  const reader = stream.body.getReader();
  const { value } = await within("large event", reader.read());
  assert((value?.length ?? 0) > 100_000);
  stream.push(message("next"));
  await within("next event", reader.read());
  assertEquals(state.ends, 0);
  await reader.cancel();
});

Deno.test("a backlog may be larger than the queue, also what comes behind it, until the listener has caught up", async () => {
  const backlog = new Backlog(1_000_000);
  const { stream, state } = makeStream({ maxQueueBytes: 1000, backlog });
  const expected = Array.from({ length: 300 }, (_, index) => String(index).padStart(100, "0"));
  for (const payload of expected.slice(0, 200)) stream.push(message(payload), true);
  for (const payload of expected.slice(200)) stream.push(message(payload));
  assertEquals(state.ends, 0);
  assert(backlog.bytes > 30_000);
  const reader = stream.body.getReader();
  let text = "";
  while (eventsOf(text).length < 300) text += decoder.decode((await reader.read()).value);
  assertEquals(eventsOf(text).map(({ payload }) => payload), expected);
  assertEquals(backlog.bytes, 0);
  while (state.ends === 0) stream.push(message("x".repeat(100)));
  assertEquals(state.tooSlow, 1);
  await reader.cancel();
});

Deno.test("tick() shows out a listener that leaves a backlog untouched for too long", async () => {
  const { stream, state } = makeStream({ patienceMs: 5000 });
  state.now = 60_000;
  for (let count = 0; count < 1000; count++) stream.push(message("x".repeat(100), count), true);
  state.now += 4000;
  stream.tick();
  const reader = stream.body.getReader();
  await reader.read();
  state.now += 4000;
  stream.tick();
  assertEquals(state.ends, 0);
  state.now += 1000;
  stream.tick();
  assertEquals([state.ends, state.tooSlow], [1, 1]);
  reader.releaseLock();
  const [last] = await allOf(stream);
  assertEquals(last?.message, "Too slow: nothing was read for 5 s");
  assert(last?.resume !== undefined && last.resume.offset > 0);
});

Deno.test("when the backlogs of all are too large, the listener with the largest is shown out, and no other", async () => {
  const backlog = new Backlog(10_000);
  const greedy = makeStream({ backlog });
  const modest = makeStream({ backlog });
  for (let count = 0; count < 30; count++) greedy.stream.push(message("x".repeat(100)), true);
  for (let count = 0; greedy.state.ends === 0; count++) modest.stream.push(message("x".repeat(100)), true);
  assertEquals(modest.state.ends, 0);
  const [last] = await allOf(greedy.stream);
  assertEquals(last?.message, "Too slow: too many messages wait for all listeners together");
  assert(backlog.bytes > 0 && backlog.bytes < 10_000);
  await modest.stream.body.cancel();
  assertEquals(backlog.bytes, 0);
});

Deno.test("cutOff() drops what waits, and is no matter of slowness", async () => {
  const { stream, state } = makeStream();
  stream.push(message("secret"));
  stream.cutOff("Key phone was removed or disabled");
  assertEquals((await allOf(stream)).map((event) => event.message), ["Key phone was removed or disabled"]);
  assertEquals(state.tooSlow, 0);
});

Deno.test("a hundred waiting events come in few pieces", async () => {
  const { stream } = makeStream();
  for (let count = 0; count < 100; count++) stream.push(message("x".repeat(100)));
  const reader = stream.body.getReader();
  const { value } = await reader.read();
  assertEquals(eventsOf(decoder.decode(value)).length, 100);
  await reader.cancel();
});

Deno.test("a stream is closed when the last event was taken, and cut when its listener leaves it for half a minute", async () => {
  const { stream, state } = makeStream();
  stream.push(message("x"));
  stream.end("failed", "broken");
  state.now += 29_000;
  stream.tick();
  assertEquals([state.ends, state.closed], [1, 0]);
  await allOf(stream);
  assertEquals(state.closed, 1);
  const stalled = makeStream();
  stalled.stream.end("failed", "broken");
  stalled.state.now += 30_000;
  stalled.stream.tick();
  stalled.stream.tick();
  assertEquals(stalled.state.closed, 1);
  await assertRejects(() => allOf(stalled.stream), Error, "Listener does not read");
});
