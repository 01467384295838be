import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { EventEncoder } from "../../src/streams/event_encoder.ts";
import type { OutgoingEvent } from "../../src/streams/outgoing_event.ts";
import type { ReceivedMessage } from "../../src/mqtt/hub/received_message.ts";
import { randomBytes } from "../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope } from "../../src/protocol/v1/envelope.ts";
import type { Key } from "../../src/keys/keyring.ts";
import { until, within } from "../support/deadline.ts";
import { NOW } from "../support/gateway.ts";
import { makeKey } from "../support/key.ts";

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
  const sealer = new EventEncoder({
    randomBytes(length) {
      nonces += 1;
      return randomBytes(length);
    },
  });
  const received = message();
  const first = sealer.message(one, received, 1, EVERYTHING);
  for (let count = 0; count < 1000; count++) assertStrictEquals(sealer.message(one, received, 1, EVERYTHING), first);
  assertStrictEquals(await first?.sharedRecord(), await sealer.message(one, received, 2, EVERYTHING)?.sharedRecord());
  await sealer.message(other, received, 1, EVERYTHING)?.sharedRecord();
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
  const next = sealer.message(one, message(), 1, EVERYTHING);
  assertNotEquals(decoder.decode(await next?.sharedRecord()), decoder.decode(await first?.sharedRecord()));
});

Deno.test("message() seals once also for listeners that ask one after the other for all that they missed", async () => {
  let nonces = 0;
  const key = await makeKey("#");
  const sealer = new EventEncoder({
    randomBytes(length) {
      nonces += 1;
      return randomBytes(length);
    },
  });
  const missed = Array.from({ length: 500 }, (_, offset) => message({ position: { epoch: "e", offset } }));
  for (let listener = 0; listener < 5; listener++) {
    for (const one of missed) await sealer.message(key, one, 1, EVERYTHING)?.sharedRecord();
  }
  assertEquals(nonces, 500);
});

Deno.test("message() keeps a bounded number of events, whether the key may receive them or not", async () => {
  for (const filter of ["#", "cellar/#"]) {
    const key = await makeKey(filter);
    const sealer = new EventEncoder({ randomBytes });
    for (let offset = 0; offset < 20_000; offset++) {
      sealer.message(key, message({ position: { epoch: "e", offset } }), 0, EVERYTHING);
    }
    assert(sealer.sharedBytes > 2 ** 20 && sealer.sharedBytes <= 4 * 2 ** 20, `${sealer.sharedBytes}`);
  }
});

Deno.test("message() tells each listener the quality that it asked for, at most", async () => {
  const sealer = new EventEncoder({ randomBytes });
  const key = await makeKey("#");
  const received = message({ qos: 2 });
  for (const qos of [0, 1, 2]) {
    const event = await open(key, sealer.message(key, received, qos, EVERYTHING));
    assertEquals(typeof event === "object" && event !== null && "qos" in event && event.qos, qos);
  }
});

Deno.test("message() gives nothing to a key that may not receive it", async () => {
  const sealer = new EventEncoder({ randomBytes });
  const [cellar, all] = [await makeKey("cellar/#"), await makeKey("#")];
  const received = message();
  assertEquals(sealer.message(cellar, received, 1, { mayReceive: () => false }), undefined);
  assert(sealer.message(all, received, 1, EVERYTHING) !== undefined);
  assertEquals(sealer.message(cellar, received, 1, { mayReceive: () => false }), undefined);
});

Deno.test("an event tells its exact size before it is sealed, and a message its position", async () => {
  const sealer = new EventEncoder({ randomBytes });
  const key = await makeKey("#");
  for (const payload of ["", "é", "x".repeat(1000), "☀".repeat(77), new Uint8Array([0xff, 0]), "\ud800"]) {
    const event = sealer.message(key, message({ payload }), 0, EVERYTHING);
    assertEquals(event?.size, (await event?.sharedRecord())?.length);
    assertEquals(event?.position, { epoch: "e", offset: 7 });
  }
  const notice = sealer.event(key, { type: "gap", message: "x", timestamp: 1 });
  assertEquals([notice.size, notice.position], [(await notice.sharedRecord()).length, undefined]);
});

Deno.test("pressure() asks to wait while much is being sealed, and no longer", async () => {
  const sealer = new EventEncoder({ randomBytes });
  const key = await makeKey("#");
  assertEquals(sealer.backpressure(), undefined);
  const records = Array.from({ length: 10 }, () => {
    const event = sealer.message(key, message({ payload: "x".repeat(10_000) }), 0, EVERYTHING);
    return event?.sharedRecord();
  });
  await within("room", sealer.backpressure() ?? Promise.reject(new Error("No pressure")));
  await Promise.all(records);
  await until("the pressure is gone", () => sealer.backpressure() === undefined);
  // As much again that nobody is there to hear: only the sockets need a turn.
  for (let count = 0; count < 10; count++) sealer.message(key, message({ payloadBytes: 10_000 }), 0, EVERYTHING);
  await within("a turn for the sockets", sealer.backpressure() ?? Promise.reject(new Error("No pressure")));
  assertEquals(sealer.backpressure(), undefined);
});

Deno.test("pressure() counts a message for each listener of version 2 that waits for it, and once for version 1", async () => {
  const sealer = new EventEncoder({ randomBytes });
  const key = await makeKey("#");
  const exchange = { version: 2, key: key.secret, route: "/mqtt/subscribe", salt: randomBytes(16) } as const;
  const [shared, numbered] = [await sealer.begin({ version: 1, key: key.secret }), await sealer.begin(exchange)];
  const event = sealer.message(key, message({ payload: "x".repeat(200) }), 0, EVERYTHING);
  if (event === undefined) throw new Error("Key may not receive it");
  for (let listener = 0; listener < 1000; listener++) shared.prepare(event);
  assertEquals(sealer.backpressure(), undefined);
  for (let listener = 0; listener < 1000; listener++) numbered.prepare(event);
  await within("a turn", sealer.backpressure() ?? Promise.reject(new Error("No pressure")));
  assertEquals(sealer.backpressure(), undefined);
  const records = Array.from({ length: 1000 }, () => numbered.record(event));
  await within("the sealing", sealer.backpressure() ?? Promise.reject(new Error("No pressure")));
  await Promise.all(records);
});

Deno.test("large events are sealed one after the other for streams of version 2, and small ones meanwhile", async () => {
  const sealer = new EventEncoder({ randomBytes });
  const key = await makeKey("#");
  const begin = () => sealer.begin({ version: 2, key: key.secret, route: "/mqtt/subscribe", salt: randomBytes(16) });
  const streams = [await begin(), await begin(), await begin()];
  const sizes = [12_000_000, 1_100_000, 5];
  const done: number[] = [];
  await Promise.all(streams.map(async (format, index) => {
    const bytes = sizes[index] ?? 0;
    await format.record(sealer.event(key, { type: "online", message: "x".repeat(bytes), timestamp: 0 }));
    done.push(bytes);
  }));
  assertEquals(done, [5, 12_000_000, 1_100_000]);
});
