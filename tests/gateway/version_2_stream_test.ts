/** Version 2 of `POST /mqtt/subscribe`: numbered, sealed for one listener, with opening, heartbeats and an end. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { EnvelopeError } from "../../src/protocol/aead.ts";
import { StreamOpener } from "../../src/protocol/v2/stream.ts";
import { until } from "../support/deadline.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { EPOCH, makeGateway, makeRecord, NOW, type Overrides } from "../support/gateway.ts";
import { listen, subscribe } from "../support/listener.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Creates a gateway with a broker, and a client of version 2. */
async function makeHome(streams: Overrides["streams"] = {}) {
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({ connect, streams });
  return {
    gateway,
    state,
    phone: await gateway.phone(gateway.secret, { version: 2 }),
    deliver: (payload: string, topic = "a") => state.deliver({ topic, payload: bytes(payload), qos: 0, retain: false }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

Deno.test("a stream of version 2 begins with open, and numbers its events from 0 without gaps", async () => {
  await using home = await makeHome();
  const { response } = await home.phone.exchange("/mqtt/subscribe", { topic: "a" });
  assertEquals(response.headers.get("Content-Type"), "text/event-stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readUntil = async (what: string) => {
    while (!text.includes(what)) text += (await reader?.read())?.value ?? "";
  };
  await readUntil("id: 0\n");
  for (const payload of ["x", "y", "z"]) home.deliver(payload);
  await readUntil("id: 3\n");
  const records = text.split("\n\n").filter((record) => record !== "");
  assert(/^event: open\ndata: 2\.[\w-]{22}$/.test(records[0] ?? ""), records[0]);
  for (const [n, record] of records.slice(1).entries()) {
    assert(new RegExp(`^id: ${n}\ndata: [\\w-]+$`).test(record), record);
  }
  await reader?.cancel();
});

Deno.test("a stream of version 2 carries the same events as one of version 1, in order, with their positions", async () => {
  await using home = await makeHome();
  const streams = [await subscribe(home.phone, { topic: "a" }), await subscribe(home.gateway, { topic: "a" })];
  for (const stream of streams) assertEquals((await stream.next())?.["type"], "connected");
  const expected = Array.from({ length: 30 }, (_, index) => String(index));
  for (const payload of expected) home.deliver(payload);
  for (const stream of streams) {
    const events = [];
    for (const _ of expected) events.push(await stream.next());
    assertEquals(events.map((event) => event?.["payload"]), expected);
    assertEquals(events[0], {
      type: "message",
      topic: "a",
      payload: "0",
      qos: 0,
      retain: false,
      timestamp: NOW,
      epoch: EPOCH,
      offset: events[0]?.["offset"],
    });
    await stream.cancel();
  }
});

Deno.test("a silent stream of version 2 sends a sealed ping as heartbeat, and never a comment", async () => {
  await using home = await makeHome({ keepaliveSeconds: 5 });
  const stream = await subscribe(home.phone, { topic: "a" });
  await stream.next();
  let event: Record<string, unknown> | undefined;
  stream.next().then((next) => event = next);
  home.gateway.clock.seconds = NOW + 5;
  await until("a heartbeat", () => {
    home.gateway.streams.tick();
    return event !== undefined;
  });
  assertEquals(event, { type: "ping", timestamp: NOW + 5 });
  await stream.cancel();
});

Deno.test("a stream of version 2 ends with end when the gateway stops, and one of version 1 with disconnected", async () => {
  await using home = await makeHome();
  const [modern, old] = [await subscribe(home.phone, { topic: "a" }), await subscribe(home.gateway, { topic: "a" })];
  await Promise.all([modern.next(), old.next()]);
  await home.gateway.streams.drain({ withinMs: 0, random: () => 0.55 });
  assertEquals(await modern.next(), {
    type: "end",
    source: "gateway",
    code: "restart",
    reason: "restart",
    retry: 3.2,
    message: "Gateway is shutting down",
    timestamp: NOW,
  });
  assertEquals((await old.next())?.["type"], "disconnected");
  assertEquals([await modern.next(), await old.next()], [undefined, undefined]);
});

Deno.test("two streams of one key are sealed separately, and an event of one does not open in the other", async () => {
  await using home = await makeHome();
  const [one, other] = [
    await home.phone.exchange("/mqtt/subscribe", { topic: "a" }),
    await home.phone.exchange("/mqtt/subscribe", { topic: "a" }),
  ];
  const [first, second] = [await listenRaw(one.response), await listenRaw(other.response)];
  assertNotEquals(first.opening, second.opening);
  assertNotEquals(first.data, second.data);
  if (one.exchange.version !== 2 || other.exchange.version !== 2) throw new Error("Not version 2");
  const opener = await StreamOpener.begin(one.exchange, first.opening);
  await assertRejects(() => opener.open(second.data, "0"), EnvelopeError);
  const swapped = await StreamOpener.begin(other.exchange, first.opening);
  await assertRejects(() => swapped.open(first.data, "0"), EnvelopeError);
  await assertRejects(() => home.phone.open(first.data), EnvelopeError);
});

/** Returns the first records of a stream. */
async function listenRaw({ body }: Response): Promise<{ readonly opening: string; readonly data: string }> {
  let text = "";
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    const [, opening, data] = /^event: open\ndata: (.*)\n\nid: 0\ndata: (.*)\n\n/.exec(text) ?? [];
    if (opening !== undefined && data !== undefined) return { opening, data };
  }
  throw new Error("Stream ended");
}

Deno.test("an event that is sent back as a request is refused", async () => {
  await using home = await makeHome();
  const { response } = await home.phone.exchange("/mqtt/subscribe", { topic: "a" });
  const { opening, data } = await listenRaw(response);
  for (const body of [data, `2.${home.phone.key.kid}.${data}`, `2.${home.phone.key.kid}.${opening.slice(2)}${data}`]) {
    assertEquals((await home.gateway.post("/mqtt/subscribe", body)).status, 401);
  }
});

Deno.test("a subscription that is repeated, expired or invalid gets one error event, and the end", async () => {
  await using home = await makeHome();
  const { text, exchange } = await home.phone.sealNow("/mqtt/subscribe", { topic: "a" });
  const first = await listen(home.phone, await home.gateway.post("/mqtt/subscribe", text), exchange);
  assertEquals((await first.next())?.["type"], "connected");
  const repeat = await listen(home.phone, await home.gateway.post("/mqtt/subscribe", text), exchange);
  const message = "Request was used before: seal a new one for each subscription";
  assertEquals(await repeat.next(), { type: "error", source: "gateway", code: "replay", message, timestamp: NOW });
  assertEquals(await repeat.next(), undefined);
  await first.cancel();
  const stale = await subscribe(home.phone, { topic: "a", timestamp: 0 });
  assertEquals(await stale.next(), {
    type: "error",
    source: "gateway",
    code: "expired",
    message: "Request expired",
    timestamp: NOW,
  });
  assertEquals(await stale.next(), undefined);
  const bad = await subscribe(home.phone, {});
  assertEquals((await bad.next())?.["message"], "Missing required field: topic");
  assertEquals(await bad.next(), undefined);
});

Deno.test("a listener of version 2 that resumes receives what it missed, under a new key", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect, pool: { resumeMs: 60_000 } });
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  const deliver = (payload: string) => state.deliver({ topic: "a", payload: bytes(payload), qos: 0, retain: false });
  const before = await subscribe(phone, { topic: "a" });
  await before.next();
  deliver("1");
  const received = await before.next();
  await before.cancel();
  await until("the stream is closed", () => gateway.streams.size === 0);
  deliver("2");
  const since = { epoch: received?.["epoch"], offset: received?.["offset"] };
  const after = await subscribe(phone, { topic: "a", since });
  assertEquals((await after.next())?.["type"], "connected");
  assertEquals((await after.next())?.["payload"], "2");
  deliver("3");
  assertEquals((await after.next())?.["payload"], "3");
  await after.cancel();
});

Deno.test("a revoked key ends its streams of version 2 in order", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const record = makeRecord({ name: "guest", services: ["mqtt"], subscribe: ["#"] });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  const guest = await gateway.phone(record.secret, { version: 2 });
  const stream = await subscribe(guest, { topic: "a" });
  await stream.next();
  for (let count = 0; count < 20; count++) {
    state.deliver({ topic: "a", payload: bytes("secret"), qos: 0, retain: false });
  }
  await gateway.keyring.replace({ single: undefined, records: [] });
  let last: Record<string, unknown> | undefined;
  for (let event = await stream.next(); event !== undefined; event = await stream.next()) last = event;
  assertEquals([last?.["type"], last?.["message"]], ["error", "Key guest was removed or disabled"]);
});

Deno.test("listeners of a key on different routes receive a large event one after another", async () => {
  await using home = await makeHome({ queueBytes: 40_000_000, maxEventBytes: 10_000_000 });
  const open = async (route: "/subscribe" | "/mqtt/subscribe") => {
    const { response } = await home.phone.exchange(route, { service: "mqtt", topic: "a" });
    const reader = response.body?.getReader();
    // The records of open and connected.
    for (let record = 0; record < 2; record++) await reader?.read();
    return reader;
  };
  const [slow, other] = [await open("/subscribe"), await open("/mqtt/subscribe")];
  const piece = slow?.read();
  home.deliver("x".repeat(9_000_000));
  await piece;
  const otherPiece = other?.read().then(() => "received");
  assertEquals(
    await Promise.race([otherPiece, new Promise((resolve) => setTimeout(() => resolve("waits"), 500))]),
    "waits",
  );
  await slow?.cancel();
  assertEquals(await otherPiece, "received");
  await other?.cancel();
});
