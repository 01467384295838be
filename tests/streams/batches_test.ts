/** Streams of version 2 with batches: what waits together leaves together, in order and once. */
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { StreamOpener } from "../../src/protocol/v2/stream.ts";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { EventStream, type EventStreamOptions, LargeRecords } from "../../src/streams/event_stream.ts";
import { RECORDS_PER_INTERVAL } from "../../src/streams/record_scheduler.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { makeKey } from "../support/key.ts";
import { recordTelemetry } from "../support/telemetry.ts";

const decoder = new TextDecoder();

/** Fields of a received event. */
interface Seen {
  readonly type: string;
  readonly payload?: string;
  readonly offset?: number;
  readonly message?: string;
  readonly messages?: readonly Seen[];
  readonly resume?: unknown;
}

/** Opens a stream of version 2, and a reader that opens its records. */
async function makeStream(
  { hasBatches = true, queueBytes = 1_000_000, backlogBytes = 1_000_000 }: {
    readonly hasBatches?: boolean;
    readonly queueBytes?: number;
    readonly backlogBytes?: number;
  } = {},
) {
  const key = await makeKey("#");
  const exchange = { version: 2, key: key.secret, route: "/mqtt/subscribe", salt: randomBytes(16) } as const;
  const clock = new ManualClock();
  const encoder = new EventEncoder({ randomBytes, clock });
  const format = await encoder.begin(exchange);
  if (hasBatches) format.allowBatches?.();
  const telemetry = recordTelemetry();
  const settings: EventStreamOptions["settings"] = { queueBytes, stallTimeoutMs: 60_000, keepaliveSeconds: 60 };
  const stream = new EventStream({
    owner: "phone",
    records: new LargeRecords(),
    makeEvent: (event) => encoder.event(key, event),
    format,
    settings,
    backlog: new MemoryBudget(backlogBytes),
    onEnd: () => {},
    onClosed: () => {},
    telemetry,
    now: () => 5500,
    monotonic: () => clock.monotonic(),
  });
  const reader = stream.body.getReader();
  const [, opening = ""] = /^event: open\ndata: (.*)\n\n$/.exec(decoder.decode((await reader.read()).value)) ?? [];
  const opener = await StreamOpener.begin(exchange, opening);
  let text = "";
  let isOver = false;
  const texts: string[] = [];
  return {
    stream,
    clock,
    recorded: telemetry.recorded,
    /** Plaintexts so far. */
    texts,
    isOver: () => isOver,
    push: (offset: number, payload = `payload ${offset}`) => {
      const message = { topic: "t", payload, qos: 0, retain: false, timestamp: 0, epoch: "e", offset };
      stream.push(encoder.event(key, { type: "message", ...message }));
    },
    notify: (message: string) => stream.push(encoder.event(key, { type: "online", message, timestamp: 0 })),
    /** Takes all records of the current interval, so that the stream waits for its turn. */
    async exhaust() {
      const other = await encoder.begin({ ...exchange, salt: randomBytes(16) });
      other.allowBatches?.();
      for (let count = 0; count < RECORDS_PER_INTERVAL; count++) other.turn?.("other");
    },
    /** Reads one piece, and opens its events. */
    async read(): Promise<Seen[]> {
      const { value } = await reader.read();
      isOver = value === undefined;
      text += decoder.decode(value);
      const records = text.split("\n\n");
      text = records.pop() ?? "";
      const events: Seen[] = [];
      for (const record of records) {
        const [, id = "", data = ""] = /^id: (.*)\ndata: (.*)$/.exec(record) ?? [];
        const plaintext = await opener.open(data, id);
        texts.push(plaintext);
        events.push(JSON.parse(plaintext));
      }
      return events;
    },
  };
}

/** Replaces batches by their messages. */
const unpacked = (events: readonly Seen[]) =>
  events.flatMap((event) => event.messages?.map((message) => ({ ...message, type: "message" })) ?? [event]);

Deno.test("messages that wait together leave as one event; a single one is an event of type message", async () => {
  const home = await makeStream();
  home.push(1);
  home.push(2);
  const [batch, ...more] = await home.read();
  assertEquals([batch?.type, batch?.messages?.map(({ offset }) => offset), more], ["messages", [1, 2], []]);
  home.push(3);
  assertEquals((await home.read()).map(({ type, offset }) => [type, offset]), [["message", 3]]);
});

Deno.test("messages that wait together leave one by one without batches", async () => {
  const home = await makeStream({ hasBatches: false });
  for (const offset of [1, 2, 3]) home.push(offset);
  assertEquals((await home.read()).map(({ type, offset }) => [type, offset]), [
    ["message", 1],
    ["message", 2],
    ["message", 3],
  ]);
});

Deno.test("what comes before a stream's turn leaves with it", async () => {
  const home = await makeStream();
  await home.exhaust();
  const piece = home.read();
  home.push(1);
  let isRead = false;
  piece.then(() => isRead = true);
  await new Promise((resolve) => setTimeout(resolve));
  home.push(2);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(isRead, false);
  home.clock.pass(10);
  assertEquals(unpacked(await piece).map(({ offset }) => offset), [1, 2]);
});

Deno.test("a batch has at most 64 KiB of plaintext", async () => {
  const home = await makeStream({ queueBytes: 10_000_000 });
  const expected = Array.from({ length: 300 }, (_, index) => index);
  for (const offset of expected) home.push(offset, "☀".repeat(offset * 7 % 1000));
  home.push(300, "x".repeat(100_000));
  const seen: Seen[] = [];
  while (seen.length <= 300) seen.push(...unpacked(await home.read()));
  assertEquals(seen.map(({ offset }) => offset), [...expected, 300]);
  const batches = home.texts.filter((text) => text.startsWith('{"type":"messages"'));
  assert(batches.length < 40, `${batches.length} batches`);
  for (const text of batches) assert(new TextEncoder().encode(text).length <= 64 * 1024);
});

Deno.test("a stream that is evicted resumes after the last message of its last batch, and not after one that waited", async () => {
  const home = await makeStream({ queueBytes: 1000, backlogBytes: 4000 });
  for (const offset of [1, 2, 3]) home.push(offset);
  await home.read();
  await home.exhaust();
  const piece = home.read();
  for (let offset = 4; home.recorded.dropped.length === 0; offset++) home.push(offset, "x".repeat(100));
  home.clock.pass(10);
  const [last] = await piece;
  assertEquals([last?.type, last?.resume], ["error", { epoch: "e", offset: 3 }]);
});

Deno.test("revoke() drops what waits for its turn", async () => {
  const home = await makeStream();
  await home.exhaust();
  const piece = home.read();
  home.push(1);
  home.push(2);
  await new Promise((resolve) => setTimeout(resolve));
  home.stream.revoke("Key was removed");
  home.clock.pass(10);
  assertEquals((await piece).map(({ type, message }) => [type, message]), [["error", "Key was removed"]]);
  assertEquals([await home.read(), home.isOver()], [[], true]);
});

const actions = fc.array(
  fc.constantFrom("push", "push", "push", "notify", "read", "read", "exhaust", "turn", "microtask", "task", "tick"),
  { maxLength: 60 },
);

Deno.test("every event arrives once, in order, with consecutive numbers, however pushes, reads, turns and the end interleave", async () => {
  await fc.assert(
    fc.asyncProperty(actions, fc.boolean(), fc.boolean(), async (steps, hasBatches, isRevoked) => {
      const home = await makeStream({ hasBatches });
      const sent: string[] = [];
      const seen: Seen[] = [];
      // One read at a time, as a server does.
      let reading = Promise.resolve();
      let pending = 0;
      const read = () => {
        pending += 1;
        reading = reading.then(async () => {
          seen.push(...await home.read());
          pending -= 1;
        });
      };
      for (const [index, step] of steps.entries()) {
        if (step === "push") {
          home.push(index);
          sent.push(`message ${index}`);
        } else if (step === "notify") {
          home.notify(String(index));
          sent.push(`online ${index}`);
        } else if (step === "read") read();
        else if (step === "exhaust") await home.exhaust();
        else if (step === "turn") home.clock.pass(10);
        else if (step === "microtask") await Promise.resolve();
        else if (step === "task") await new Promise((resolve) => setTimeout(resolve));
        else home.stream.tick();
      }
      if (isRevoked) home.stream.revoke("revoked");
      else home.stream.end("restart", "stopped");
      while (!home.isOver()) {
        if (pending === 0) read();
        home.clock.pass(10);
        await new Promise((resolve) => setTimeout(resolve));
      }
      const events = unpacked(seen).filter(({ type }) => type !== "ping");
      const last = events.pop();
      assertEquals(last?.type, isRevoked ? "error" : "end");
      const received = events.map(({ type, offset, message }) => `${type} ${offset ?? message}`);
      assertEquals(received, isRevoked ? sent.slice(0, received.length) : sent);
      assertEquals(home.stream.waitingBytes, 0);
      if (!hasBatches) assertEquals(seen.some(({ type }) => type === "messages"), false);
      for (const { messages } of seen) assert(messages === undefined || messages.length > 1);
    }),
    { numRuns: 200 },
  );
});
