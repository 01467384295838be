import { assert, assertEquals } from "@std/assert";
import { BrokerError, type ConnectBroker } from "../../src/mqtt/broker.ts";
import { until } from "../support/deadline.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { EPOCH, makeGateway, makeRecord, NOW } from "../support/gateway.ts";
import { subscribe } from "../support/listener.ts";
import { rightsOf } from "../support/rights.ts";

const SINCE = "must be an object with epoch, a string, and offset, a whole number from 0";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("POST /mqtt/subscribe answers with an event stream that no proxy buffers", async () => {
  const { connect } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  assertEquals(stream.response.status, 200);
  assertEquals(stream.response.headers.get("Content-Type"), "text/event-stream");
  assertEquals(stream.response.headers.get("Cache-Control"), "no-cache, no-transform");
  assertEquals(stream.response.headers.get("X-Accel-Buffering"), "no");
  await stream.next();
  await stream.cancel();
});

Deno.test("a stream begins with connected, then passes messages on", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a/#", topics: ["b"], qos: 1 });
  assertEquals(await stream.next(), {
    type: "connected",
    topic: "a/#",
    topics: ["a/#", "b"],
    message: "Successfully connected and subscribed to a/#, b",
    epoch: EPOCH,
    offset: 1,
  });
  state.deliver({ topic: "a/1", payload: bytes("22.5"), qos: 1, retain: true });
  assertEquals(await stream.next(), {
    type: "message",
    topic: "a/1",
    payload: "22.5",
    qos: 1,
    retain: true,
    timestamp: NOW,
    epoch: EPOCH,
    offset: 2,
  });
  assertEquals(state.subscriptions, [[["a/#", 1], ["b", 1]]]);
  await stream.cancel();
});

Deno.test("a payload that is not UTF-8 is sent in base64", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.next();
  state.deliver({ topic: "a", payload: new Uint8Array([0xff, 0x00]), qos: 0, retain: false });
  const event = await stream.next();
  assertEquals([event?.["payload"], event?.["payload_b64"]], [null, "/wA="]);
  await stream.cancel();
});

Deno.test("a message that the broker sent before SUBACK comes after connected", async () => {
  const granted = Promise.withResolvers<string[]>();
  const { connect, state } = makeBroker({ subscribe: () => granted.promise });
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await until("connecting", () => state.addresses.length === 1);
  await new Promise((resolve) => setTimeout(resolve));
  state.deliver({ topic: "a", payload: bytes("early"), qos: 0, retain: true });
  granted.resolve([]);
  assertEquals((await stream.next())?.["type"], "connected");
  assertEquals((await stream.next())?.["payload"], "early");
  await stream.cancel();
});

Deno.test("a broker that floods before SUBACK ends the attempt", async () => {
  const granted = Promise.withResolvers<string[]>();
  const { connect, state } = makeBroker({ subscribe: () => granted.promise });
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "#" });
  await until("connecting", () => state.addresses.length === 1);
  await new Promise((resolve) => setTimeout(resolve));
  for (let count = 0; count < 20; count++) {
    state.deliver({ topic: `a/${count}`, payload: new Uint8Array(2_000_000), qos: 0, retain: true });
  }
  assertEquals((await stream.next())?.["message"], "MQTT error: Broker sent too much before its grant");
  assertEquals(await stream.next(), undefined);
  granted.resolve([]);
});

Deno.test("all streams share one broker connection, all publishes another, and both end when idle", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const streams = await Promise.all(["a", "b", "a"].map((topic) => subscribe(gateway, { topic })));
  for (const stream of streams) await stream.next();
  await gateway.brokers.publish({ host: "broker", port: 1883 }, { topic: "t", payload: "", qos: 1, retain: false });
  assertEquals([state.addresses.length, state.published], [2, ["t"]]);
  assertEquals(gateway.streams.size, 3);
  for (const stream of streams) await stream.cancel();
  await until("closing", () => state.closed === 2 && gateway.streams.size === 0);
  assertEquals(state.unsubscribed.sort(), ["a", "b"]);
});

Deno.test("a listener that disconnects while the gateway connects ends the attempt", async () => {
  let [began, aborted] = [false, false];
  const connect: ConnectBroker = (_address, { signal }) =>
    new Promise((_resolve, reject) => {
      began = true;
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(signal.reason);
      });
    });
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await until("connecting", () => began);
  await stream.cancel();
  await until("abandoning", () => aborted && gateway.streams.size === 0);
});

Deno.test("a broker that disconnects ends the stream with disconnected", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.next();
  state.lose("Broker broker:1883 closed the connection");
  assertEquals(await stream.next(), {
    type: "disconnected",
    source: "gateway",
    code: "broker",
    message: "Broker broker:1883 closed the connection",
    timestamp: NOW,
  });
  assertEquals(await stream.next(), undefined);
  assertEquals(gateway.streams.size, 0);
});

Deno.test("a broker that refuses or is unreachable causes one error and the end", async () => {
  const { connect } = makeBroker({
    subscribe: () => Promise.resolve(["a"]),
  });
  const unreachable: ConnectBroker = () => Promise.reject(new BrokerError("Broker broker:1883 not found"));
  for (
    const [broker, message] of [
      [connect, "MQTT error: Broker refused the subscription to a"],
      [unreachable, "MQTT error: Broker broker:1883 not found"],
    ] as const
  ) {
    await using gateway = await makeGateway({ connect: broker });
    const stream = await subscribe(gateway, { topic: "a" });
    assertEquals(await stream.next(), { type: "error", source: "gateway", code: "broker", message, timestamp: NOW });
    assertEquals(await stream.next(), undefined);
  }
});

Deno.test("a broker that does not answer in time causes an error and is disconnected", async () => {
  const { connect, state } = makeBroker({ subscribe: () => new Promise(() => {}) });
  await using gateway = await makeGateway({
    connect,
    pool: { timeoutMs: 20 },
  });
  const stream = await subscribe(gateway, { topic: "a" });
  assertEquals((await stream.next())?.["message"], "MQTT error: Broker broker:1883 did not answer within 0.02 s");
  assertEquals(await stream.next(), undefined);
  await until("closing", () => state.closed === 1);
});

Deno.test("an invalid request gets one error event and the end, and reaches no broker", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  for (
    const [payload, message, code = "field"] of [
      [{}, "Missing required field: topic"],
      [{ topic: "" }, "Missing required field: topic"],
      [{ topic: "a#" }, 'Invalid field: topic: filter may have "#" only as its whole last level'],
      [{ topics: ["ok", "$SYS/#"] }, 'Invalid field: topic: filter must not start with "$"'],
      [{ topic: "a", timestamp: 1 }, "Request expired", "expired"],
      [
        { topic: "a", broker_host: "evil" },
        "Broker not allowed: evil:1883. Add it to MQTT_ALLOWED_BROKERS",
        "broker_not_allowed",
      ],
      [{ topic: "a", password: "x" }, "Missing required field: username"],
      [{ topic: "a", keep: 1 }, "Invalid field: keep: must be true or false"],
      [{ topic: "a", since: 5 }, `Invalid field: since: ${SINCE}`],
      [{ topic: "a", since: { epoch: 5, offset: 0 } }, `Invalid field: since: ${SINCE}`],
      [{ topic: "a", since: { epoch: "x", offset: -1 } }, `Invalid field: since: ${SINCE}`],
      [{ topic: "a", since: { epoch: "x".repeat(65), offset: 1 } }, `Invalid field: since: ${SINCE}`],
    ] as const
  ) {
    const stream = await subscribe(gateway, payload);
    assertEquals(await stream.next(), { type: "error", source: "gateway", code, message, timestamp: NOW });
    assertEquals(await stream.next(), undefined);
  }
  assertEquals(state.addresses.length, 0);
});

Deno.test("a repeated subscription is refused", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const body = await gateway.seal({ timestamp: NOW, topic: "a" });
  const first = await gateway.post("/mqtt/subscribe", body);
  const second = await gateway.post("/mqtt/subscribe", body);
  const text = (await second.text()).replace(/^data: /, "").trim();
  assertEquals(await gateway.open(text), {
    type: "error",
    source: "gateway",
    code: "replay",
    message: "Request was used before: seal a new one for each subscription",
    timestamp: NOW,
  });
  const onAnotherRoute = await gateway.answer(await gateway.post("/gateway", body));
  assertEquals(onAnotherRoute.status, 409);
  await until("the first one subscribes", () => state.subscriptions.length === 1);
  await first.body?.cancel();
});

Deno.test("a message that is too large is left out with a gap that names it", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.next();
  state.deliver({ topic: "a", payload: new Uint8Array(100_001), qos: 0, retain: true });
  const gap = await stream.next();
  assertEquals([gap?.["type"], gap?.["message"]], ["gap", "Message on a is larger than 100000 bytes: left out"]);
  // A message that the connection itself left out, for its header.
  state.deliver({ topic: "a", payload: new Uint8Array(), omittedBytes: 99_999, qos: 0, retain: false });
  const omitted = await stream.next();
  assertEquals([omitted?.["type"], omitted?.["message"]], [gap?.["type"], gap?.["message"]]);
  state.deliver({ topic: "a", payload: bytes("small"), qos: 0, retain: false });
  const next = await stream.next();
  assertEquals(next?.["payload"], "small");
  assert(Number(next?.["offset"]) > Number(gap?.["offset"]));
  await stream.cancel();
});

Deno.test("a message that a key may not receive causes no event and no count, however large it is", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const record = makeRecord({ name: "guest", services: ["mqtt"], subscribe: ["a"] });
  await gateway.keyring.replace({ single: undefined, records: [record] });
  const stream = await subscribe(await gateway.phone(record.secret), { topic: "a" });
  await stream.next();
  // A broker that delivers under a filter that does not match.
  for (const payload of [new Uint8Array(100_001), bytes("small")]) {
    state.deliver({ topic: "secret/topic", payload, qos: 0, retain: false, subscriptions: [1] });
  }
  state.deliver({ topic: "a", payload: bytes("granted"), qos: 0, retain: false });
  assertEquals((await stream.next())?.["payload"], "granted");
  assertEquals(gateway.recorded.dropped, []);
  await stream.cancel();
});

Deno.test("a listener that resumes receives the messages that it missed, and none twice", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect, pool: { resumeMs: 60_000 } });
  const publish = (payload: string) => state.deliver({ topic: "a", payload: bytes(payload), qos: 0, retain: false });
  const first = await subscribe(gateway, { topic: "a" });
  await first.next();
  publish("1");
  publish("2");
  const { epoch, offset } = await first.next() ?? {};
  await first.cancel();
  // By then the broker has sent its retained messages.
  gateway.clock.seconds += 10;
  publish("3");
  const second = await subscribe(gateway, { topic: "a", since: { epoch, offset } });
  const connected = await second.next();
  assertEquals([connected?.["type"], connected?.["offset"]], ["connected", offset]);
  publish("4");
  assertEquals([(await second.next())?.["payload"], (await second.next())?.["payload"]], ["2", "3"]);
  assertEquals((await second.next())?.["payload"], "4");
  assertEquals(state.subscriptions.length, 1);
  await second.cancel();
});

Deno.test("a listener with an unknown position gets a gap", async () => {
  const { connect } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a", since: { epoch: "another", offset: 3 } });
  const connected = await stream.next();
  // Disconnected here, the listener would resume with its old position, and get the gap then.
  assertEquals([connected?.["type"], connected?.["epoch"]], ["connected", undefined]);
  assertEquals(await stream.next(), {
    type: "gap",
    message: "Messages may be missing before what follows",
    timestamp: NOW,
    epoch: EPOCH,
    offset: 1,
  });
  await stream.cancel();
});

Deno.test("missed messages are checked against the rights of the key that resumes", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect, pool: { resumeMs: 60_000 } });
  const record = makeRecord({ name: "guest", services: ["mqtt"], subscribe: ["a/+", "b"] });
  await gateway.keyring.replace({ single: gateway.secret, records: [record] });
  const before = await subscribe(await gateway.phone(record.secret), { topics: ["a/+", "b"] });
  const since = { epoch: EPOCH, offset: (await before.next())?.["offset"] };
  for (const topic of ["a/1", "b", "a/1/secret", "a/2"]) {
    state.deliver({ topic, payload: bytes("x"), qos: 0, retain: false });
  }
  await before.cancel();
  await gateway.keyring.replace({
    single: gateway.secret,
    records: [{ ...record, rights: rightsOf({ services: ["mqtt"], subscribe: ["a/+"] }) }],
  });
  const back = await subscribe(await gateway.phone(record.secret), { topic: "a/+", since });
  assertEquals((await back.next())?.["type"], "connected");
  assertEquals([(await back.next())?.["topic"], (await back.next())?.["topic"]], ["a/1", "a/2"]);
  await back.cancel();
});

Deno.test("a position does not show a key what others subscribe to, though its rights reach as far", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect, pool: { resumeMs: 60_000 } });
  const record = makeRecord({ name: "guest", services: ["mqtt"], subscribe: ["a/+", "c/+"] });
  await gateway.keyring.replace({ single: gateway.secret, records: [record] });
  const owner = await subscribe(gateway, { topics: ["a/+"] });
  const since = { epoch: EPOCH, offset: (await owner.next())?.["offset"] };
  state.deliver({ topic: "a/1", payload: bytes("x"), qos: 0, retain: false });
  const received = [];
  for (const place of ["a", "c"]) {
    const guest = await subscribe(await gateway.phone(record.secret), { topic: `${place}/+`, since });
    const types = [(await guest.next())?.["type"], (await guest.next())?.["type"]];
    state.deliver({ topic: `${place}/2`, payload: bytes("x"), qos: 0, retain: false });
    received.push([...types, String((await guest.next())?.["topic"]).slice(1)]);
    await guest.cancel();
  }
  assertEquals(received, [["connected", "gap", "/2"], ["connected", "gap", "/2"]]);
  await owner.cancel();
});

Deno.test("a listener with keep stays while the broker is unavailable, and another one is disconnected", async () => {
  const { connect, state } = makeBroker();
  await using gateway = await makeGateway({ connect });
  const keeper = await subscribe(gateway, { topic: "a", keep: true });
  const other = await subscribe(gateway, { topic: "a" });
  await keeper.next();
  await other.next();
  state.lose("Broker broker:1883 closed the connection");
  assertEquals((await other.next())?.["type"], "disconnected");
  assertEquals(await keeper.next(), {
    type: "offline",
    message: "Broker broker:1883 closed the connection",
    timestamp: NOW,
  });
  assertEquals((await keeper.next())?.["type"], "online");
  assertEquals((await keeper.next())?.["type"], "gap");
  state.deliver({ topic: "a", payload: bytes("again"), qos: 0, retain: false });
  assertEquals((await keeper.next())?.["payload"], "again");
  await keeper.cancel();
});
