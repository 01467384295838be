import { assertEquals } from "@std/assert";
import { FakeTime } from "../support/fake_time.ts";
import { settle } from "../support/settle.ts";
import { makeBroker } from "../support/fake_broker.ts";
import { makeGateway } from "../support/gateway.ts";
import { makeIdleStream } from "../support/idle_stream.ts";
import { subscribe } from "../support/listener.ts";
import { StreamRegistry } from "../../src/streams/stream_registry.ts";

Deno.test("drain() ends each stream at a random moment, with a random retry", async () => {
  const broker = makeBroker();
  await using gateway = await makeGateway({ connect: broker.connect });
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  const streams = [];
  for (let count = 0; count < 3; count++) {
    const stream = await subscribe(phone, { topic: "a" });
    await stream.next();
    streams.push(stream);
  }
  using time = new FakeTime();
  const draws = [0.5, 0.1, 0.9, 0, 0.5, 0.999];
  const drained = gateway.streams.drain({ withinMs: 2000, random: () => draws.shift() ?? 0 });
  const ended: number[] = [];
  for (const ms of [199, 1, 799, 1, 799, 1]) {
    time.pass(ms);
    await settle();
    ended.push(gateway.recorded.ended.length);
  }
  assertEquals(ended, [0, 1, 1, 2, 2, 3]);
  await drained;
  const last = await Promise.all(streams.map((stream) => stream.next()));
  // In the order of their ends: the second, the first, the third.
  assertEquals(last.map((event) => event?.["retry"]), [3, 1, 5]);
});

Deno.test("drain() sends clients to other gateways at once", async () => {
  const broker = makeBroker();
  await using gateway = await makeGateway({ connect: broker.connect });
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  const stream = await subscribe(phone, { topic: "a" });
  await stream.next();
  await gateway.streams.drain({ withinMs: 0, random: () => 0.5, hasReplicas: true });
  assertEquals((await stream.next())?.["retry"], 0);
});

Deno.test("a stream that is being opened when the gateway stops does not begin", async () => {
  const broker = makeBroker();
  await using gateway = await makeGateway({ connect: broker.connect });
  const phone = await gateway.phone(gateway.secret, { version: 2 });
  const { text } = await phone.sealNow("/mqtt/subscribe", { topic: "a" });
  const coming = phone.post("/mqtt/subscribe", text);
  await gateway.streams.drain({ withinMs: 0, random: () => 0 });
  const response = await coming;
  assertEquals([response.status, response.headers.get("Retry-After")], [503, "3"]);
  await response.body?.cancel();
  assertEquals([gateway.streams.size, broker.state.subscriptions, gateway.recorded.refused], [0, [], ["stopping"]]);
});

Deno.test("drain() takes no time without streams", async () => {
  using _time = new FakeTime();
  const gateway = await makeGateway();
  await gateway.streams.drain({ withinMs: 60_000, random: () => 0.9 });
  assertEquals(gateway.streams.isDraining, true);
});

Deno.test("waitingBytes is the sum of all streams", async () => {
  const broker = makeBroker();
  await using gateway = await makeGateway({ connect: broker.connect });
  const streams = [await subscribe(gateway, { topic: "a" }), await subscribe(gateway, { topic: "a" })];
  for (const stream of streams) await stream.next();
  assertEquals(gateway.streams.waitingBytes, 0);
  const payload = new TextEncoder().encode("x".repeat(1000));
  for (let count = 0; count < 3; count++) broker.state.deliver({ topic: "a", payload, qos: 0, retain: false });
  const waiting = gateway.streams.waitingBytes;
  // One event of each stream is being sealed by now.
  assertEquals([waiting > 4 * 1000, waiting < 6 * 2000], [true, true]);
  for (const stream of streams) {
    for (let count = 0; count < 3; count++) await stream.next();
  }
  assertEquals(gateway.streams.waitingBytes, 0);
  for (const stream of streams) await stream.cancel();
});

/** Abort signal that counts the listeners that are added to it. */
class CountingSignal extends EventTarget {
  listeners = 0;
  readonly onabort = null;
  readonly aborted = false;
  readonly reason = new Error("Key phone was removed or disabled");
  readonly throwIfAborted = () => {};

  override addEventListener(type: string, listener: EventListener): void {
    this.listeners += 1;
    super.addEventListener(type, listener);
  }

  override removeEventListener(): never {
    throw new Error("It would be searched among all listeners");
  }
}

Deno.test("all streams of a key share one listener on its signal, and those that are open are revoked", () => {
  const registry = new StreamRegistry();
  const signal = new CountingSignal();
  const revoked: number[] = [];
  const streams = Array.from({ length: 100 }, (_, index) => {
    const stream = makeIdleStream();
    stream.revoke = () => void revoked.push(index);
    registry.add(stream, signal);
    return stream;
  });
  for (const stream of streams.slice(0, 98)) registry.delete(stream, signal);
  assertEquals(signal.listeners, 1);
  signal.dispatchEvent(new Event("abort"));
  assertEquals(revoked, [98, 99]);
  for (const stream of streams) registry.delete(stream, signal);
  assertEquals(registry.size, 0);
});
