import { assertEquals } from "@std/assert";
import type { GatewayOptions } from "../../src/gateway/handler.ts";
import { BrokerError } from "../../src/mqtt/broker.ts";
import { until } from "../deadline.ts";
import { makeBroker } from "./broker.ts";
import { LIMITS, makeGateway, NOW } from "./fixture.ts";
import { subscribe } from "./listener.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("POST /mqtt/subscribe answers with an event stream that no proxy holds back", async () => {
  const { connect } = makeBroker();
  const stream = await subscribe(await makeGateway({ connect }), { topic: "a" });
  assertEquals(stream.response.status, 200);
  assertEquals(stream.response.headers.get("Content-Type"), "text/event-stream");
  assertEquals(stream.response.headers.get("Cache-Control"), "no-cache, no-transform");
  assertEquals(stream.response.headers.get("X-Accel-Buffering"), "no");
  await stream.next();
  await stream.leave();
});

Deno.test("a stream begins with connected, then passes messages on", async () => {
  const { connect, state } = makeBroker();
  const stream = await subscribe(await makeGateway({ connect }), { topic: "a/#", topics: ["b"], qos: 1 });
  assertEquals(await stream.next(), {
    type: "connected",
    topic: "a/#",
    topics: ["a/#", "b"],
    message: "Successfully connected and subscribed to a/#, b",
  });
  state.deliver({ topic: "a/1", payload: bytes("22.5"), qos: 1, retain: true });
  assertEquals(await stream.next(), {
    type: "message",
    topic: "a/1",
    payload: "22.5",
    qos: 1,
    retain: true,
    timestamp: NOW,
  });
  assertEquals(state.subscriptions, [[["a/#", "b"], 1]]);
  await stream.leave();
});

Deno.test("a payload that is not UTF-8 comes in base64", async () => {
  const { connect, state } = makeBroker();
  const stream = await subscribe(await makeGateway({ connect }), { topic: "a" });
  await stream.next();
  state.deliver({ topic: "a", payload: new Uint8Array([0xff, 0x00]), qos: 0, retain: false });
  const event = await stream.next();
  assertEquals([event?.["payload"], event?.["payload_b64"]], [null, "/wA="]);
  await stream.leave();
});

Deno.test("a message that the broker sent ahead of its grant comes after connected", async () => {
  const granted = Promise.withResolvers<void>();
  const { connect, state } = makeBroker({ subscribe: () => granted.promise });
  const stream = await subscribe(await makeGateway({ connect }), { topic: "a" });
  await until("connecting", () => state.addresses.length === 1);
  state.deliver({ topic: "a", payload: bytes("early"), qos: 0, retain: true });
  granted.resolve();
  assertEquals((await stream.next())?.["type"], "connected");
  assertEquals((await stream.next())?.["payload"], "early");
  await stream.leave();
});

Deno.test("a broker that floods ahead of its grant is left", async () => {
  const { connect, state } = makeBroker({ subscribe: () => new Promise(() => {}) });
  const stream = await subscribe(await makeGateway({ connect }), { topic: "a" });
  await until("connecting", () => state.addresses.length === 1);
  for (let count = 0; count < 20; count++) {
    state.deliver({ topic: "a", payload: new Uint8Array(100_000), qos: 0, retain: false });
  }
  assertEquals((await stream.next())?.["message"], "MQTT error: Broker sent too much before its grant");
  assertEquals(await stream.next(), undefined);
  await until("closing", () => state.closed === 1);
});

Deno.test("a listener that leaves takes its broker connection with it", async () => {
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.next();
  assertEquals(gateway.streams.size, 1);
  await stream.leave();
  await until("closing", () => state.closed === 1 && gateway.streams.size === 0);
});

Deno.test("a listener that leaves while the gateway connects ends the attempt", async () => {
  let aborted = false;
  const connect: GatewayOptions["connect"] = (_address, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(signal.reason);
      });
    });
  const gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.leave();
  await until("abandoning", () => aborted && gateway.streams.size === 0);
});

Deno.test("a broker that goes away ends the stream with disconnected", async () => {
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({ connect });
  const stream = await subscribe(gateway, { topic: "a" });
  await stream.next();
  state.lose("Broker broker:1883 closed the connection");
  assertEquals(await stream.next(), {
    type: "disconnected",
    message: "Broker broker:1883 closed the connection",
    timestamp: NOW,
  });
  assertEquals(await stream.next(), undefined);
  assertEquals(gateway.streams.size, 0);
});

Deno.test("a broker that refuses or is away gives one error and the end", async () => {
  const { connect } = makeBroker({
    subscribe: () => Promise.reject(new BrokerError("Broker refused the subscription")),
  });
  const away: GatewayOptions["connect"] = () => Promise.reject(new BrokerError("Broker broker:1883 not found"));
  for (
    const [broker, message] of [
      [connect, "MQTT error: Broker refused the subscription"],
      [away, "MQTT error: Broker broker:1883 not found"],
    ] as const
  ) {
    const stream = await subscribe(await makeGateway({ connect: broker }), { topic: "a" });
    assertEquals(await stream.next(), { type: "error", message, timestamp: NOW });
    assertEquals(await stream.next(), undefined);
  }
});

Deno.test("a broker that does not answer in time gives an error and is left", async () => {
  const { connect, state } = makeBroker({ subscribe: () => new Promise(() => {}) });
  const gateway = await makeGateway({
    connect,
    limits: { ...LIMITS, brokerTimeoutMs: 20 },
  });
  const stream = await subscribe(gateway, { topic: "a" });
  assertEquals((await stream.next())?.["message"], "MQTT error: Broker broker:1883 did not answer within 0.02 s");
  assertEquals(await stream.next(), undefined);
  await until("closing", () => state.closed === 1);
});

Deno.test("a bad request gives one error event and the end, and reaches no broker", async () => {
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({ connect });
  for (
    const [payload, message] of [
      [{}, "Missing required field: topic"],
      [{ topic: "" }, "Missing required field: topic"],
      [{ topic: "a#" }, 'Invalid field: topic: filter may have "#" only as its whole last level'],
      [{ topics: ["ok", "$SYS/#"] }, 'Invalid field: topic: filter must not start with "$"'],
      [{ topic: "a", timestamp: 1 }, "Request expired"],
      [{ topic: "a", broker_host: "evil" }, "Broker not allowed: evil:1883. Add it to MQTT_ALLOWED_BROKERS"],
      [{ topic: "a", password: "x" }, "Missing required field: username"],
    ] as const
  ) {
    const stream = await subscribe(gateway, payload);
    assertEquals(await stream.next(), { type: "error", message, timestamp: NOW });
    assertEquals(await stream.next(), undefined);
  }
  assertEquals(state.addresses.length, 0);
});

Deno.test("a repeated subscription is refused", async () => {
  const { connect, state } = makeBroker();
  const gateway = await makeGateway({ connect });
  const body = await gateway.seal({ timestamp: NOW, topic: "a" });
  const first = await gateway.post("/mqtt/subscribe", body);
  const second = await gateway.post("/mqtt/subscribe", body);
  const text = (await second.text()).replace(/^data: /, "").trim();
  assertEquals(await gateway.open(text), {
    type: "error",
    message: "Request was used before: seal a new one for each subscription",
    timestamp: NOW,
  });
  const onAnotherRoute = await gateway.answer(await gateway.post("/gateway", body));
  assertEquals(onAnotherRoute.status, 409);
  assertEquals(state.addresses.length, 1);
  await first.body?.cancel();
});

Deno.test("a message too large to pass on ends the stream with a reason", async () => {
  const { connect, state } = makeBroker();
  const stream = await subscribe(await makeGateway({ connect }), { topic: "a" });
  await stream.next();
  state.deliver({ topic: "a/camera", payload: new Uint8Array(100_001), qos: 0, retain: true });
  assertEquals((await stream.next())?.["message"], "Message on a/camera is larger than 100000 bytes");
  assertEquals(await stream.next(), undefined);
  await until("closing", () => state.closed === 1);
});
