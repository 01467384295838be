import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import { SYSTEM_CLOCK } from "../../src/lib/clock.ts";
import { RecordScheduler } from "../../src/streams/record_scheduler.ts";
import { NumberedFormat } from "../../src/streams/stream_format.ts";
import { OutgoingEvent } from "../../src/streams/outgoing_event.ts";
import type { ReceivedMessage } from "../../src/mqtt/hub/received_message.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope } from "../../src/protocol/v1/envelope.ts";
import type { Key } from "../../src/keys/keyring.ts";
import { until, within } from "../support/deadline.ts";
import { NOW } from "../support/gateway.ts";
import { makeKey } from "../support/key.ts";
import { Backpressure } from "../../src/streams/backpressure.ts";
import { MemoryBudget } from "../../src/limits/memory_budget.ts";
import { EventStream, LargeRecords } from "../../src/streams/event_stream.ts";
import { importSecretKey } from "../../src/protocol/secret_key.ts";
import { StreamOpener, StreamSealer } from "../../src/protocol/v2/stream.ts";

function message(given: Partial<ReceivedMessage> = {}): ReceivedMessage {
  const payload = "22.5";
  return {
    position: { epoch: "e", offset: 7 },
    topic: "home/t",
    payload,
    payloadBytes: payload.length,
    qos: 1,
    retain: false,
    receivedAt: NOW * 1000 + 999,
    ...given,
  };
}

const decoder = new TextDecoder();

async function open(key: Key, event: OutgoingEvent | undefined): Promise<unknown> {
  const text = decoder.decode(await event?.sharedRecord());
  return JSON.parse(await openEnvelope(key.secret.aead, parseEnvelope(text.replace(/^data: (.*)\n\n$/, "$1"))));
}

/** Rights to receive every message. */
const EVERYTHING = { mayReceive: () => true };

Deno.test("message() seals once for all listeners of a key, and anew for another key", async () => {
  let nonces = 0;
  const [one, other] = [await makeKey("#"), await makeKey("home/#")];
  const encoder = new EventEncoder({
    clock: SYSTEM_CLOCK,
    randomBytes(length) {
      nonces += 1;
      return randomBytes(length);
    },
  });
  const received = message();
  const first = encoder.message(one, received, 1, EVERYTHING);
  for (let count = 0; count < 1000; count++) assertStrictEquals(encoder.message(one, received, 1, EVERYTHING), first);
  assertStrictEquals(await first?.sharedRecord(), await encoder.message(one, received, 2, EVERYTHING)?.sharedRecord());
  await encoder.message(other, received, 1, EVERYTHING)?.sharedRecord();
  assertEquals(nonces, 2);
  assertEquals(await open(one, first), {
    type: "message",
    topic: "home/t",
    payload: "22.5",
    qos: 1,
    retain: false,
    timestamp: NOW,
    epoch: "e",
    offset: 7,
  });
  const next = encoder.message(one, message(), 1, EVERYTHING);
  assertNotEquals(decoder.decode(await next?.sharedRecord()), decoder.decode(await first?.sharedRecord()));
});

Deno.test("message() seals once for listeners that resume one after another", async () => {
  let nonces = 0;
  const key = await makeKey("#");
  const encoder = new EventEncoder({
    clock: SYSTEM_CLOCK,
    randomBytes(length) {
      nonces += 1;
      return randomBytes(length);
    },
  });
  const missed = Array.from({ length: 500 }, (_, offset) => message({ position: { epoch: "e", offset } }));
  for (let listener = 0; listener < 5; listener++) {
    for (const one of missed) await encoder.message(key, one, 1, EVERYTHING)?.sharedRecord();
  }
  assertEquals(nonces, 500);
});

Deno.test("message() keeps a limited number of bytes, whether the key may receive the messages or not", async () => {
  for (const filter of ["#", "cellar/#"]) {
    const key = await makeKey(filter);
    const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
    for (let offset = 0; offset < 20_000; offset++) {
      encoder.message(key, message({ position: { epoch: "e", offset } }), 0, EVERYTHING);
    }
    assert(encoder.sharedBytes > 2 ** 20 && encoder.sharedBytes <= 4 * 2 ** 20, `${encoder.sharedBytes}`);
  }
});

Deno.test("message() limits the quality of service to the listener's", async () => {
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const key = await makeKey("#");
  const received = message({ qos: 2 });
  for (const qos of [0, 1, 2]) {
    const event = await open(key, encoder.message(key, received, qos, EVERYTHING));
    assertEquals(typeof event === "object" && event !== null && "qos" in event && event.qos, qos);
  }
});

Deno.test("message() returns undefined for a key that may not receive the message", async () => {
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const [cellar, all] = [await makeKey("cellar/#"), await makeKey("#")];
  const received = message();
  assertEquals(encoder.message(cellar, received, 1, { mayReceive: () => false }), undefined);
  assert(encoder.message(all, received, 1, EVERYTHING) !== undefined);
  assertEquals(encoder.message(cellar, received, 1, { mayReceive: () => false }), undefined);
});

Deno.test("an event has its exact size before it is sealed, and a message its position", async () => {
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const key = await makeKey("#");
  for (const payload of ["", "é", "x".repeat(1000), "☀".repeat(77), new Uint8Array([0xff, 0]), "\ud800"]) {
    const event = encoder.message(key, message({ payload }), 0, EVERYTHING);
    assertEquals(event?.size, (await event?.sharedRecord())?.length);
    assertEquals(event?.position, { epoch: "e", offset: 7 });
  }
  const notice = encoder.event(key, { type: "gap", message: "x", timestamp: 1 });
  assertEquals([notice.size, notice.position], [(await notice.sharedRecord()).length, undefined]);
});

Deno.test("backpressure() returns a promise while many bytes are being sealed, and no longer", async () => {
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const key = await makeKey("#");
  assertEquals(encoder.backpressure(), undefined);
  const records = Array.from({ length: 10 }, () => {
    const event = encoder.message(key, message({ payload: "x".repeat(10_000) }), 0, EVERYTHING);
    return event?.sharedRecord();
  });
  await within("the end of backpressure", encoder.backpressure() ?? Promise.reject(new Error("No backpressure")));
  await Promise.all(records);
  await until("no backpressure", () => encoder.backpressure() === undefined);
  // As many bytes without listeners: only the sockets must be served.
  for (let count = 0; count < 10; count++) encoder.message(key, message({ payloadBytes: 10_000 }), 0, EVERYTHING);
  await within(
    "the end of backpressure of the sockets",
    encoder.backpressure() ?? Promise.reject(new Error("No backpressure")),
  );
  assertEquals(encoder.backpressure(), undefined);
});

Deno.test("backpressure() counts a message for each waiting listener of version 2, and once for version 1", async () => {
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const key = await makeKey("#");
  const exchange = { version: 2, key: key.secret, route: "/mqtt/subscribe", salt: randomBytes(16) } as const;
  const [shared, numbered] = [await encoder.begin({ version: 1, key: key.secret }), await encoder.begin(exchange)];
  const event = encoder.message(key, message({ payload: "x".repeat(200) }), 0, EVERYTHING);
  if (event === undefined) throw new Error("Key may not receive it");
  for (let listener = 0; listener < 1000; listener++) shared.prepare(event);
  assertEquals(encoder.backpressure(), undefined);
  for (let listener = 0; listener < 1000; listener++) numbered.prepare(event);
  await within("the end of backpressure", encoder.backpressure() ?? Promise.reject(new Error("No backpressure")));
  assertEquals(encoder.backpressure(), undefined);
  const records = Array.from({ length: 1000 }, () => numbered.records([event]));
  await within(
    "the end of backpressure of the sealing",
    encoder.backpressure() ?? Promise.reject(new Error("No backpressure")),
  );
  await Promise.all(records);
});

Deno.test("large events of version 2 are sealed one after another, and small ones meanwhile", async () => {
  const encoder = new EventEncoder({ randomBytes, clock: SYSTEM_CLOCK });
  const key = await makeKey("#");
  const begin = () => encoder.begin({ version: 2, key: key.secret, route: "/mqtt/subscribe", salt: randomBytes(16) });
  const streams = [await begin(), await begin(), await begin()];
  const sizes = [12_000_000, 1_100_000, 5];
  const done: number[] = [];
  await Promise.all(streams.map(async (format, index) => {
    const bytes = sizes[index] ?? 0;
    await format.records([encoder.event(key, { type: "online", message: "x".repeat(bytes), timestamp: 0 })]);
    done.push(bytes);
  }));
  assertEquals(done, [5, 12_000_000, 1_100_000]);
});

const utf8 = new TextEncoder();

/** Returns an event of which only the text matters. */
const eventOf = (value: unknown) =>
  new OutgoingEvent(utf8.encode(JSON.stringify(value)), {
    isMessage: false,
    position: undefined,
    seal: () => Promise.reject(new Error("Not version 1")),
  });

Deno.test("NumberedFormat numbers events and heartbeats in the order in which they are sent", async () => {
  const binding = {
    key: await importSecretKey(randomBytes(32)),
    route: "/mqtt/subscribe",
    salt: randomBytes(16),
  } as const;
  const encoder = await StreamSealer.begin(binding, randomBytes);
  const opener = await StreamOpener.begin(binding, encoder.opening);
  let now = 0;
  const stream = new EventStream({
    format: new NumberedFormat(encoder, {
      backpressure: new Backpressure(),
      scheduler: new RecordScheduler(SYSTEM_CLOCK),
    }),
    makeEvent: eventOf,
    settings: { queueBytes: 1_000_000, stallTimeoutMs: 60_000, keepaliveSeconds: 1 },
    owner: "phone",
    records: new LargeRecords(),
    backlog: new MemoryBudget(1_000_000),
    onEnd: () => {},
    telemetry: { delivered: () => {}, dropped: () => {} },
    onClosed: () => {},
    now: () => now,
    monotonic: () => now,
  });
  const reader = stream.body.getReader();
  await reader.read();
  const sent: number[] = [];
  const seen: unknown[] = [];
  let pings = 0;
  for (let turn = 0; turn < 90; turn++) {
    now += 1000;
    const pending = reader.read();
    const push = () => {
      stream.push(eventOf({ turn }));
      sent.push(turn);
    };
    // A message comes before a heartbeat is due, with it, while it is being sealed, or not at all.
    if (turn % 4 === 0) push();
    stream.tick();
    if (turn % 4 === 1) push();
    if (turn % 4 === 2) queueMicrotask(() => queueMicrotask(push));
    const text = new TextDecoder().decode((await pending).value);
    for (const record of text.split("\n\n").slice(0, -1)) {
      const [, id = "", data = ""] = /^id: (.*)\ndata: (.*)$/.exec(record) ?? [];
      const event = JSON.parse(await opener.open(data, id));
      if (event.type === "ping") pings += 1;
      else seen.push(event.turn);
    }
  }
  await reader.cancel();
  // A message that came while the last heartbeat was sealed may still wait.
  assertEquals(seen, sent.slice(0, seen.length));
  assert(sent.length - seen.length <= 1 && pings >= 20, `${pings} heartbeats, ${seen.length} of ${sent.length}`);
});
