/** The writer with Mosquitto: no message of QoS 1 is lost or twice, whatever ends a writer. */
import { assertEquals } from "@std/assert";
import type { BrokerAddress } from "../../../src/mqtt/broker.ts";
import { MOSQUITTO, startBroker } from "../../support/broker.ts";
import { until } from "../../support/deadline.ts";
import { assertSame, connect, makeWriter, payloadOf, Publisher, Replicas } from "../../support/log_writers.ts";
import { withMqtt3Proxy } from "../../support/mqtt3_proxy.ts";
import { needing } from "../../support/needs.ts";
import { openRedisLog } from "../../support/redis_log.ts";
import { REDIS_SERVER, withRedis } from "../../support/redis_server.ts";
import { afterLastTimer, close } from "../../support/scripted_broker.ts";
import { startToxicProxy } from "../../support/toxic_proxy.ts";

const NEEDS = { mosquitto: MOSQUITTO };
const never = new AbortController().signal;

/** Starts a broker with a publisher, and replicas that want filters; the scope ends them. */
async function start(scope: AsyncDisposableStack, filters: readonly string[], config?: readonly string[]) {
  const broker = await startBroker(config);
  scope.defer(() => broker.stop());
  const direct = await connect(broker, { signal: never });
  scope.defer(() => close(direct));
  const replicas = new Replicas();
  await replicas.want(...filters);
  return { broker, direct, publisher: new Publisher(direct), replicas };
}

/** Runs writers whose sockets break at random bytes, while messages are published. */
async function breakSockets(
  filters: readonly string[],
  check: (received: readonly string[], published: readonly string[]) => void,
): Promise<void> {
  await using scope = new AsyncDisposableStack();
  const config = ["allow_anonymous true", "max_queued_messages 0"];
  const { broker, publisher, replicas } = await start(scope, filters, config);
  const proxy = await startToxicProxy(broker.port);
  scope.defer(() => proxy.close());
  await (await replicas.beginAndWait({ ...broker, port: proxy.port })).lost();
  for (let term = 0; term < 60; term++) {
    // After CONNECT and SUBSCRIBE, of about 90 bytes, each acknowledgement takes 4.
    proxy.set({ resetAfterBytes: 1 + Math.floor(Math.random() * 400 * filters.length) }, "up");
    const { length } = replicas.interruptions;
    const writer = await replicas.begin({ ...broker, port: proxy.port });
    await publisher.publish(Math.floor(Math.random() * 30));
    if (replicas.interruptions.length === length) proxy.cut();
    await writer.lost();
  }
  proxy.set({});
  const last = await replicas.begin({ ...broker, port: proxy.port });
  await publisher.publish(1);
  await until("the last message", () => replicas.payloads.at(-1) === publisher.published.at(-1));
  check(replicas.payloads, publisher.published);
  await last.lost();
}

Deno.test(
  needing("writers whose sockets break at any point lose no message, and repeat none", NEEDS),
  () => breakSockets(["a/#"], assertSame),
);

Deno.test(
  needing("writers whose sockets break at any point lose no message for several filters, and keep the order", NEEDS),
  () =>
    // One message is repeated if its copies are acknowledged in part.
    breakSockets(["a/#", "a/+", "#"], (received, published) => assertSame([...new Set(received)], published)),
);

Deno.test(
  needing("a writer that takes the session of one that hangs loses no message, and repeats none", NEEDS),
  async () => {
    await using scope = new AsyncDisposableStack();
    const { broker, publisher, replicas } = await start(scope, ["a/#"]);
    let writer = await replicas.beginAndWait(broker);
    for (let term = 0; term < 20; term++) {
      const proxy = await startToxicProxy(broker.port);
      const hanging = await replicas.beginAndWait({ ...broker, port: proxy.port });
      await writer.lost();
      await publisher.publish(Math.floor(Math.random() * 10));
      // It receives and appends, and its acknowledgements are lost.
      proxy.set({ swallows: true }, "up");
      await publisher.publish(Math.floor(Math.random() * 40));
      writer = await replicas.beginAndWait(broker);
      await publisher.publish(2);
      await hanging.lost();
      await proxy.close();
    }
    await until("the last message", () => replicas.payloads.at(-1) === publisher.published.at(-1));
    replicas.assertHas(publisher.published);
    await writer.lost();
  },
);

Deno.test(needing("a writer whose session another one takes ends, and does not take it back", NEEDS), async () => {
  await using scope = new AsyncDisposableStack();
  const { broker, publisher, replicas } = await start(scope, ["a/#"]);
  const first = await replicas.beginAndWait(broker);
  const publishing = publisher.publish(200);
  await until("some messages", () => replicas.payloads.length > 10);
  const second = await replicas.beginAndWait(broker);
  await publishing;
  await until("the last message", () => replicas.payloads.at(-1) === "199");
  replicas.assertHas(publisher.published);
  assertEquals(replicas.count("gap"), 2);
  await first.lost();
  await second.lost();
});

Deno.test(
  needing("messages for several filters are appended once, also those that were kept for a session", NEEDS),
  async () => {
    await using scope = new AsyncDisposableStack();
    const { broker, publisher, replicas } = await start(scope, ["#", "a/+", "a/b", "+/b"]);
    const first = await replicas.beginAndWait(broker);
    await publisher.publish(10);
    // It comes once, after all copies of those before: if only a part of these is acknowledged, a message is repeated.
    await publisher.publish(1, "one filter");
    await until("the messages", () => replicas.payloads.length >= 11);
    await first.lost();
    await publisher.publish(10);
    const second = await replicas.beginAndWait(broker);
    await publisher.publish(10);
    await until("the last message", () => replicas.payloads.at(-1) === "30");
    await afterLastTimer();
    replicas.assertHas(publisher.published);
    await second.lost();
  },
);

Deno.test(needing("a writer goes on with a new session when the broker has lost the old one", NEEDS), async () => {
  const broker = await startBroker();
  const replicas = new Replicas();
  await replicas.want("a");
  const writer = await replicas.beginAndWait(broker);
  const publish = async (address: BrokerAddress) => {
    const connection = await connect(address, { signal: never });
    for (let count = 0; count < 3; count++) {
      await connection.publish({ topic: "a", payload: "on", qos: 1, retain: false }).acknowledged;
    }
    await close(connection);
  };
  await publish(broker);
  await until("the messages", () => replicas.payloads.length === 3);
  await broker.stop();
  const restarted = await startBroker(undefined, broker.port);
  await until("the grant", () => replicas.count("granted") === 2);
  await publish(restarted);
  await until("all messages", () => replicas.payloads.length === 6);
  assertEquals(replicas.count("gap"), 2);
  await writer.lost();
  await restarted.stop();
});

Deno.test(needing("with MQTT 3.1.1, no message is lost or twice, and retained ones are dropped", NEEDS), async () => {
  await using scope = new AsyncDisposableStack();
  const { broker, direct, publisher, replicas } = await start(scope, ["a/#"]);
  await direct.publish({ topic: "a/old", payload: "retained", qos: 1, retain: true }).acknowledged;
  await withMqtt3Proxy(broker, async (older) => {
    const proxy = await startToxicProxy(older.port);
    let writer = await replicas.beginAndWait({ ...broker, port: proxy.port });
    for (let term = 0; term < 20; term++) {
      await publisher.publish(Math.floor(Math.random() * 15));
      proxy.set({ swallows: true }, "up");
      await publisher.publish(Math.floor(Math.random() * 15));
      proxy.cut();
      proxy.set({});
      await writer.lost();
      await publisher.publish(Math.floor(Math.random() * 15));
      writer = await replicas.beginAndWait({ ...broker, port: proxy.port });
    }
    await publisher.publish(1);
    await until("the last message", () => replicas.payloads.at(-1) === publisher.published.at(-1));
    replicas.assertHas(publisher.published);
    await writer.lost();
    await proxy.close();
  });
});

Deno.test(
  needing("the writer of a replica that freezes is replaced, and what it does later has no effect", NEEDS),
  async () => {
    await using scope = new AsyncDisposableStack();
    const { broker, publisher, replicas } = await start(scope, ["a/#"]);
    const frozen = replicas.start(broker);
    await until("the grant", () => replicas.count("granted") === 1);
    const other = replicas.start(broker);
    await publisher.publish(20);
    frozen.log.faults.freeze();
    await publisher.publish(20);
    await until("the other one's grant", () => replicas.count("granted") === 2);
    await publisher.publish(20);
    frozen.log.faults.work();
    await publisher.publish(20);
    await until("the last message", () => replicas.payloads.at(-1) === "79");
    replicas.assertHas(publisher.published);
    assertEquals([replicas.count("gap"), frozen.holder.token === undefined], [2, true]);
    for (const { writer, holder } of [frozen, other]) {
      await writer.lost();
      await holder.release();
    }
  },
);

Deno.test(
  needing("replicas with Redis lose and repeat no message when the writer is killed", {
    ...NEEDS,
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis({}, async (redis) => {
      await using scope = new AsyncDisposableStack();
      const broker = await startBroker();
      scope.defer(() => broker.stop());
      const direct = await connect(broker, { signal: never });
      scope.defer(() => close(direct));
      const publisher = new Publisher(direct);
      const log = await openRedisLog(scope, redis);
      const read = async () => {
        const payloads: string[] = [];
        for (let after = 0;;) {
          const { entries } = await log.read(after, { waitMs: 0, signal: never });
          const last = entries.at(-1);
          if (last === undefined) return payloads;
          after = last.sequence;
          payloads.push(...entries.flatMap(payloadOf));
        }
      };
      await log.renewReplica("replica");
      await log.want("replica", [["a/#", 1]], undefined);
      for (let term = 0; term < 15; term++) {
        const proxy = await startToxicProxy(broker.port);
        const writer = makeWriter(log, { ...broker, port: proxy.port });
        const { last: before } = await log.read(2 ** 50, { waitMs: 0, signal: never });
        await log.lease.take(`${term}`, await log.lease.read());
        writer.held(`${term}`);
        await until("the grant", async () =>
          (await log.read(before, { waitMs: 0, signal: never })).entries.some(({ entry }) =>
            entry.type === "granted"
          ));
        const publishing = publisher.publish(20 + Math.floor(Math.random() * 80));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        if (term % 2 === 0) proxy.set({ swallows: true }, "up");
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        proxy.cut();
        await publishing;
        await writer.lost();
        await proxy.close();
      }
      const writer = makeWriter(log, broker);
      await log.lease.take("last", await log.lease.read());
      writer.held("last");
      await publisher.publish(1);
      await until("the last message", async () => (await read()).at(-1) === publisher.published.at(-1));
      assertSame(await read(), publisher.published);
      await writer.lost();
    }),
);
