import { assert, assertEquals } from "@std/assert";
import { recordTelemetry } from "../support/telemetry.ts";
import { EventStream, type EventStreamOptions, LargeRecords } from "../../src/streams/event_stream.ts";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { OutgoingEvent } from "../../src/streams/outgoing_event.ts";
import { SHARED_FORMAT } from "../../src/streams/stream_format.ts";
import type { Position, StreamEvent } from "../../src/protocol/event.ts";
import { within } from "../support/deadline.ts";
import { settle } from "../support/settle.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

let sealing = 0;

/** Returns an event that is "sealed" as plaintext, after a varying number of microtasks. */
function plainEvent(event: StreamEvent): OutgoingEvent {
  const position = event.type === "message" ? { epoch: event.epoch, offset: event.offset } : undefined;
  const text = JSON.stringify(event);
  return new OutgoingEvent(encoder.encode(text), {
    isMessage: event.type === "message",
    position,
    async seal() {
      for (let turn = (sealing++ * 7) % 5; turn > 0; turn--) await Promise.resolve();
      return encoder.encode(`data: ${text}\n\n`);
    },
  });
}

function message(payload: string, offset = 0): OutgoingEvent {
  return plainEvent({ type: "message", topic: "t", payload, qos: 0, retain: false, timestamp: 0, epoch: "e", offset });
}

type StreamChoices = Partial<EventStreamOptions> & Partial<EventStreamOptions["settings"]>;

function makeStream(
  { queueBytes = 1_000_000, stallTimeoutMs = 60_000, keepaliveSeconds = 60, ...options }: StreamChoices = {},
) {
  const state = { ends: 0, closed: 0, tooSlow: 0, now: 0 };
  const telemetry = recordTelemetry();
  const stream = new EventStream({
    owner: "phone",
    records: new LargeRecords(),
    makeEvent: plainEvent,
    format: SHARED_FORMAT,
    settings: { queueBytes, stallTimeoutMs, keepaliveSeconds },
    backlog: new MemoryBudget(1_000_000),
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
  return { stream, state, recorded: telemetry.recorded };
}

/** Fields of a received event. */
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

Deno.test("push() sends events in order, however long each takes to seal", async () => {
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

Deno.test("tick() sends a heartbeat before the silence is too long, and not sooner", async () => {
  const { stream, state } = makeStream({ keepaliveSeconds: 5 });
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

Deno.test("a listener that disconnects frees the stream's source, once", async () => {
  const backlog = new MemoryBudget(1_000_000);
  const { stream, state } = makeStream({ backlog });
  const reader = stream.body.getReader();
  const pending = reader.read();
  stream.push(message("x"), true);
  stream.push(message("y"), true);
  await reader.cancel();
  await pending;
  stream.push(message("no listener"), true);
  stream.end("failed", "no listener");
  assertEquals([state.ends, backlog.bytes], [1, 0]);
});

Deno.test("push() evicts a listener with a reason and its position when a key's share is exceeded, and drops waiting events", async () => {
  const { stream, state, recorded } = makeStream({ queueBytes: 1000, backlog: new MemoryBudget(4000) });
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
    message: "Too slow: more than 2000 bytes of events waited",
    timestamp: 5,
    resume: { epoch: "e", offset: 7 },
  });
  assertEquals([state.ends, state.tooSlow], [1, 1]);
  const [[reason, count] = ["revoked", 0]] = recorded.dropped;
  assertEquals(reason, "too_slow");
  assert(count > 5);
});

Deno.test("a burst far beyond the queue's limit reaches a listener that reads, whether it is live or backlog", async () => {
  for (const isBacklog of [false, true]) {
    const { stream, state } = makeStream({
      queueBytes: 1000,
      backlog: new MemoryBudget(8_000_000),
      stallTimeoutMs: 5000,
    });
    const expected = [1, 2, 3, 4].map((digit) => String(digit).repeat(400_000));
    for (const [index, payload] of expected.entries()) stream.push(message(payload, index), isBacklog);
    const reader = stream.body.getReader();
    let text = "";
    // 64 KiB in 4 s: a connection of 16 kB/s, on which one event alone takes longer than the stall timeout.
    while (text.split("\n\n").length < 5) {
      state.now += 4000;
      stream.tick();
      const { value } = await reader.read();
      assert((value?.length ?? 0) <= 64 * 1024, "an event leaves in pieces");
      text += decoder.decode(value);
    }
    assert(state.now > 60_000);
    assertEquals(eventsOf(text).map(({ payload }) => payload === expected[Number(payload?.[0]) - 1]), [
      true,
      true,
      true,
      true,
    ]);
    assertEquals(state.ends, 0);
    await reader.cancel();
  }
});

Deno.test("a listener that stops within an event is too slow, receives the rest of it, and resumes after it", async () => {
  const { stream, state } = makeStream({ queueBytes: 1000, stallTimeoutMs: 5000 });
  stream.push(message("x".repeat(300_000), 1));
  stream.push(message("next", 2));
  const reader = stream.body.getReader();
  await reader.read();
  state.now += 5000;
  stream.tick();
  assertEquals([state.ends, state.tooSlow], [1, 1]);
  reader.releaseLock();
  let text = "";
  for await (const piece of stream.body) text += decoder.decode(piece);
  const [, record = "", more] = text.split("\n\n");
  assert(text.startsWith("x") && more === "");
  assertEquals(JSON.parse(record.slice(6)), {
    type: "error",
    source: "gateway",
    code: "too_slow",
    message: "Too slow: nothing was read for 5 s",
    timestamp: 5,
    resume: { epoch: "e", offset: 1 },
  });
});

Deno.test("tick() ends the stream of a dead listener at the stall timeout, also with live events, and not before", () => {
  const { stream, state } = makeStream({ queueBytes: 1000, stallTimeoutMs: 5000 });
  state.now = 60_000;
  stream.push(message("x".repeat(300)));
  state.now += 60_000;
  stream.tick();
  assertEquals(state.ends, 0, "within its queue it may take its time");
  stream.push(message("x".repeat(900)));
  state.now += 4999;
  stream.tick();
  assertEquals(state.ends, 0);
  state.now += 1;
  stream.tick();
  assertEquals(state.tooSlow, 1);
});

Deno.test("the streams of a key share one record without copying it", async () => {
  const event = message("x".repeat(200_000));
  const pieces = await Promise.all([0, 1].map(async () => {
    const { stream } = makeStream();
    stream.push(event);
    const reader = stream.body.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return value;
  }));
  assert(pieces[0]?.buffer === pieces[1]?.buffer);
});

Deno.test("a listener that reads is not too slow, however many events come", async () => {
  const { stream, state } = makeStream({ queueBytes: 1000 });
  const reader = stream.body.getReader();
  for (let count = 0; count < 100; count++) {
    stream.push(message("x".repeat(500)));
    await reader.read();
  }
  assertEquals(state.ends, 0);
  await reader.cancel();
});

Deno.test("a single event larger than the queue is delivered", async () => {
  const { stream, state } = makeStream({ queueBytes: 10 });
  stream.push(message("x".repeat(100_000)));
  const reader = stream.body.getReader();
  let length = 0;
  while (length < 100_000) length += (await within("large event", reader.read())).value?.length ?? 0;
  stream.push(message("next"));
  await within("next event", reader.read());
  assertEquals(state.ends, 0);
  await reader.cancel();
});

Deno.test("a backlog may exceed the queue, with live events behind it, until the listener has caught up", async () => {
  const backlog = new MemoryBudget(1_000_000);
  const { stream, state } = makeStream({ queueBytes: 1000, backlog });
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

Deno.test("tick() ends the stream of a listener that does not read its backlog for too long", async () => {
  const { stream, state } = makeStream({ stallTimeoutMs: 5000, queueBytes: 1000 });
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

Deno.test("when the budget is exceeded, the largest stream of the key with the most bytes is evicted, and no other", async () => {
  const backlog = new MemoryBudget(20_000);
  const make = (owner: string) => makeStream({ backlog, queueBytes: 100, owner });
  const [large, small, other, modest] = [make("greedy"), make("greedy"), make("other"), make("modest")];
  const fill = ({ stream }: typeof large, count: number) => {
    for (let left = count; left > 0; left--) stream.push(message("x".repeat(100)), true);
  };
  fill(large, 20);
  fill(small, 10);
  fill(other, 24);
  while (large.state.ends === 0) fill(modest, 1);
  assertEquals([small, other, modest].map(({ state }) => state.ends), [0, 0, 0]);
  assert(modest.stream.waitingBytes < other.stream.waitingBytes);
  const [last] = await allOf(large.stream);
  assertEquals(last?.message, "Too slow: too many messages wait for all listeners together");
  assert(backlog.bytes > 0 && backlog.bytes < 20_000);
  for (const { stream } of [small, other, modest]) await stream.body.cancel();
  assertEquals(backlog.bytes, 0);
});

Deno.test("a dead listener does not affect the key's other streams, however many events come", async () => {
  const backlog = new MemoryBudget(20_000);
  const dead = makeStream({ backlog, queueBytes: 1000 });
  const alive = makeStream({ backlog, queueBytes: 1000 });
  const reader = alive.stream.body.getReader();
  while (dead.state.ends === 0) {
    const event = message("x".repeat(100));
    for (const { stream } of [dead, alive]) stream.push(event);
    await reader.read();
  }
  const [last] = await allOf(dead.stream);
  assertEquals([last?.message, alive.state.ends], ["Too slow: more than 10000 bytes of events waited", 0]);
  await reader.cancel();
});

Deno.test("revoke() drops waiting events, and does not count as slowness", async () => {
  const { stream, state } = makeStream();
  stream.push(message("secret"));
  stream.revoke("Key phone was removed or disabled");
  assertEquals((await allOf(stream)).map((event) => event.message), ["Key phone was removed or disabled"]);
  assertEquals(state.tooSlow, 0);
});

Deno.test("a hundred waiting events are sent in few pieces", async () => {
  const { stream } = makeStream();
  for (let count = 0; count < 100; count++) stream.push(message("x".repeat(100)));
  const reader = stream.body.getReader();
  const { value } = await reader.read();
  assertEquals(eventsOf(decoder.decode(value)).length, 100);
  await reader.cancel();
});

Deno.test("a stream is closed when the last event was read, or without it after half a minute without a read", async () => {
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
  assertEquals(await allOf(stalled.stream), [], "it is broken off without a last event, and without an error");
});

Deno.test("a key's listeners of version 2 receive a large event one after another, and none waits for a dead one", async () => {
  const records = new LargeRecords();
  let held = 0;
  const format = {
    ...SHARED_FORMAT,
    version: 2 as const,
    records: (events: readonly OutgoingEvent[]) => (held += 1, SHARED_FORMAT.records(events)),
  };
  const make = () => makeStream({ records, format, queueBytes: 1000, stallTimeoutMs: 5000 });
  const [dead, alive] = [make(), make()];
  const readers = [dead, alive].map(({ stream }) => stream.body.getReader());
  for (const { stream } of [dead, alive]) stream.push(message("x".repeat(9_000_000)));
  const [, second] = readers.map((reader) => reader.read());
  await settle();
  assertEquals(held, 1);
  dead.state.now += 5000;
  dead.stream.tick();
  assertEquals([dead.state.tooSlow, alive.state.ends], [1, 0]);
  await within("the record of the other one", Promise.resolve(second));
  assertEquals(held, 2);
  for (const reader of readers) await reader.cancel();
});

const MIB = 2 ** 20;

Deno.test("LargeRecords.acquire() limits an owner to 16 MiB of large records, without delaying other owners", async () => {
  const records = new LargeRecords();
  const taken: string[] = [];
  const take = async (name: string, bytes: number, owner = "phone") => {
    const release = await records.acquire(owner, bytes);
    taken.push(name);
    return release;
  };
  const [first, second] = [take("first", 6 * MIB), take("second", 6 * MIB)];
  const third = take("third", 6 * MIB);
  const other = take("other", 10 * MIB, "other");
  await settle();
  assertEquals(taken, ["first", "second", "other"]);
  (await second)?.();
  (await third)?.();
  (await first)?.();
  (await other)?.();
  assertEquals(taken, ["first", "second", "other", "third"]);
});

Deno.test("LargeRecords.acquire() ignores small records, and allows a single one of any size", async () => {
  const records = new LargeRecords();
  assertEquals(records.acquire("phone", MIB), undefined);
  const release = await records.acquire("phone", 100 * MIB);
  let isIn = false;
  const next = records.acquire("phone", 2 * MIB)?.then(() => isIn = true);
  await settle();
  assertEquals(isIn, false);
  release?.();
  await next;
  assertEquals(isIn, true);
});
