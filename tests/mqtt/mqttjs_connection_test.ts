import { assertEquals, assertRejects } from "@std/assert";
import { BrokerError, type Publication } from "../../src/mqtt/broker.ts";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import { until, within } from "../support/deadline.ts";
import { withTcpServer } from "../support/loopback.ts";
import {
  close,
  CONNACK,
  CONNECT,
  DISCONNECT,
  type Packet,
  PUBLISH,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
  versionOf,
  withScriptedBroker,
} from "../support/scripted_broker.ts";

const connect = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;
const MESSAGE: Publication = { topic: "a", payload: "x", qos: 1, retain: false };

Deno.test("publish() rejects messages on which the broker would close the connection", async () => {
  let published = 0;
  await withScriptedBroker((packet) => {
    // Maximum QoS 1, no retained messages, packets of 100 bytes.
    if (packet.type === CONNECT) return [0x20, 12, 0, 0, 9, 36, 1, 37, 0, 39, 0, 0, 0, 100];
    if (packet.type !== PUBLISH) return undefined;
    published += 1;
    return [0x40, 2, ...packet.body.slice(3, 5)];
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const refused = (message: Partial<Publication>, reason: string) =>
      assertRejects(() => connection.publish({ ...MESSAGE, ...message }).acknowledged, BrokerError, reason);
    await refused({ qos: 2 }, "Broker takes no more than qos 1");
    await refused({ retain: true }, "Broker retains no messages");
    await refused({ payload: "x".repeat(100) }, "Broker takes no messages of more than 100 bytes");
    await within("what it takes", connection.publish({ ...MESSAGE, payload: "x".repeat(50) }).acknowledged);
    assertEquals(published, 1);
    await close(connection);
  });
});

Deno.test("subscribe() and unsubscribe() send no packet on which the broker would close the connection", async () => {
  const packets: Packet[] = [];
  await withScriptedBroker((packet) => {
    // Packets of 100 bytes.
    if (packet.type === CONNECT) return [0x20, 8, 0, 0, 5, 39, 0, 0, 0, 100];
    packets.push(packet);
    const id = packet.body.slice(0, 2);
    if (packet.type === SUBSCRIBE) return [0x90, 4, ...id, 0, 0];
    // One reason code per filter: each takes 31 bytes and its length field here.
    const filters = Math.round((packet.body.length - 3) / 33);
    return packet.type === UNSUBSCRIBE ? [0xb0, 3 + filters, ...id, 0, ...Array(filters).fill(0)] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const filters = Array.from({ length: 5 }, (_, index) => `${index}`.padStart(31, "x"));
    const requests = [...filters, "y".repeat(80)].map((filter, id) => ({ filter, qos: 0 as const, id: id + 1 }));
    assertEquals(await within("the grants", connection.subscribe(requests)), ["y".repeat(80)]);
    assertEquals(packets.length, 5);
    await within("the unsubscribe", connection.unsubscribe(filters));
    assertEquals(packets.slice(5).map(({ body }) => body.length <= 98), [true, true, true]);
    await close(connection);
  });
});

Deno.test("a connection closes itself when too many messages are not acknowledged", async () => {
  await withScriptedBroker((packet) => {
    // A receive maximum of 4, and no acknowledgement.
    if (packet.type === CONNECT) return [0x20, 6, 0, 0, 3, 33, 0, 4];
    return undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    for (let count = 1; count <= 3; count++) {
      const { acknowledged, cancel } = connection.publish(MESSAGE);
      await new Promise((resolve) => setTimeout(resolve, 1));
      cancel();
      cancel();
      await assertRejects(() => acknowledged, BrokerError);
    }
    assertEquals((await within("the end", connection.closed)).message, "Broker acknowledges too little");
    await close(connection);
  });
});

Deno.test("subscribe() requests filters whose names MQTT.js reserves, each with its quality of service", async () => {
  const broker = await startEmbeddedBroker(0);
  const received: unknown[] = [];
  const connection = await connect(broker, {
    signal: never,
    onMessage: ({ topic, qos }) => void received.push([topic, qos]),
  });
  const filters = ["resubscribe", "__proto__", "1", "b"];
  await connection.subscribe(filters.map((filter, index) => ({ filter, qos: index % 2 === 0 ? 1 : 0, id: index + 1 })));
  for (const topic of filters) await connection.publish({ ...MESSAGE, topic }).acknowledged;
  await until("all messages", () => received.length === 4);
  assertEquals(received, [["resubscribe", 1], ["__proto__", 0], ["1", 1], ["b", 0]]);
  await close(connection);
  await broker.close();
});

Deno.test("subscribe() sends no identifiers to an MQTT 5 broker that does not support them", async () => {
  const packets: Packet[] = [];
  await withScriptedBroker((packet) => {
    // Property 41: subscription identifiers are not available.
    if (packet.type === CONNECT) return [0x20, 5, 0, 0, 2, 41, 0];
    if (packet.type !== SUBSCRIBE) return undefined;
    packets.push(packet);
    const [high = 0, low = 0] = packet.body;
    return [0x90, 5, high, low, 0, 0, 0];
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const requests = ["a", "b"].map((filter, index) => ({ filter, qos: 0 as const, id: index + 1 }));
    assertEquals(await within("answering", connection.subscribe(requests)), []);
    assertEquals(packets.map(({ body }) => [...body.slice(2)]), [[0, 0, 1, 97, 0, 0, 1, 98, 0]]);
    await close(connection);
  });
});

/** Returns requests for a number of short filters. */
function requestsFor(count: number) {
  return Array.from({ length: count }, (_, index) => ({ filter: `${index}`, qos: 0 as const, id: index + 1 }));
}

Deno.test("subscribe() sends many filters in portions, and returns those of each that are refused", async () => {
  const types: (number | undefined)[] = [];
  await withScriptedBroker((packet) => {
    if (packet.type === CONNECT) return CONNACK[5];
    types.push(packet.type);
    const id = packet.body.slice(0, 2);
    if (packet.type === UNSUBSCRIBE) return [0xb0, 4, ...id, 0, 0];
    return packet.type === SUBSCRIBE ? [0x90, 4, ...id, 0, types.length === 150 ? 0x80 : 0] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const subscribed = connection.subscribe(requestsFor(250));
    // A command that follows is sent after all portions: the broker would keep the filter otherwise.
    const unsubscribed = connection.unsubscribe(["249"]);
    assertEquals(await within("the grants", subscribed), ["149"]);
    await within("the unsubscribe", unsubscribed);
    assertEquals(types, [...Array(250).fill(SUBSCRIBE), UNSUBSCRIBE]);
    await close(connection);
  });
});

Deno.test("subscribe() fails when the broker closes the connection between portions", async () => {
  let received = 0;
  await withScriptedBroker((packet) => {
    if (packet.type === CONNECT) return CONNACK[5];
    received += 1;
    return received === 150 ? "close" : [0x90, 4, ...packet.body.slice(0, 2), 0, 0];
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    await within("the end", assertRejects(() => connection.subscribe(requestsFor(5_000)), BrokerError));
    await assertRejects(() => connection.unsubscribe(["1"]), BrokerError);
    await close(connection);
  });
});

Deno.test("subscribe() has at most a thousand filters that the broker has not acknowledged", async () => {
  const ids: number[][] = [];
  let write: (bytes: readonly number[]) => void = () => {};
  await withScriptedBroker((packet, writeHere) => {
    write = writeHere;
    if (packet.type === CONNECT) return CONNACK[5];
    if (packet.type === SUBSCRIBE) ids.push([...packet.body.slice(0, 2)]);
    return undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const acknowledge = (from: number, to: number) => {
      for (const id of ids.slice(from, to)) write([0x90, 4, ...id, 0, 0]);
    };
    const subscribed = connection.subscribe(requestsFor(1_200));
    await until("a thousand filters", () => ids.length >= 1_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals(ids.length, 1_000);
    acknowledge(0, 100);
    await until("the next portion", () => ids.length >= 1_100);
    acknowledge(100, 1_100);
    await until("the last portion", () => ids.length >= 1_200);
    acknowledge(1_100, 1_200);
    assertEquals(await within("the grants", subscribed), []);
    await close(connection);
  });
});

for (const version of [5, 4] as const) {
  Deno.test(`pending commands fail with the reason of a closed connection, in version ${version}`, () =>
    withScriptedBroker((packet) => {
      if (packet.type === CONNECT) return versionOf(packet) === version ? CONNACK[version] : [0x20, 2, 0, 1];
      return packet.type === DISCONNECT ? "close" : undefined;
    }, async (address) => {
      const connection = await connect(address, { signal: never });
      const requests = ["a", "b"].map((filter, index) => ({ filter, qos: 1 as const, id: index + 1 }));
      const failures = () =>
        within(
          "failing",
          Promise.all([
            assertRejects(() => connection.subscribe(requests), BrokerError, "Idle"),
            assertRejects(() => connection.unsubscribe(["a"]), BrokerError, "Idle"),
            assertRejects(() => connection.publish(MESSAGE).acknowledged, BrokerError, "Idle"),
            assertRejects(() => connection.publish({ ...MESSAGE, qos: 0 }).acknowledged, BrokerError, "Idle"),
          ]),
        );
      const closing = connection.close(new BrokerError("Idle"));
      await failures();
      // At this moment, MQTT.js settles pending commands, and rejects new ones in another way.
      await connection.closed;
      await failures();
      await closing;
      await failures();
      await close(connection);
    }));
}

Deno.test("publish() stays within the broker's receive maximum, and sends queued messages as soon as possible", async () => {
  const ids: number[][] = [];
  let write: (bytes: readonly number[]) => void = () => {};
  await withScriptedBroker((packet, writeHere) => {
    write = writeHere;
    // Property 33: a receive maximum of 2.
    if (packet.type === CONNECT) return [0x20, 6, 0, 0, 3, 33, 0, 2];
    if (packet.type === PUBLISH) ids.push([...packet.body.slice(3, 5)]);
    return undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const [first, second, third, fourth] = Array.from({ length: 4 }, () => connection.publish(MESSAGE));
    await until("the first two", () => ids.length === 2);
    third?.cancel();
    write([0x40, 2, ...ids[0] ?? []]);
    await within("the first", first?.acknowledged ?? Promise.reject());
    await until("the next one", () => ids.length === 3);
    write([0x40, 2, ...ids[2] ?? []]);
    // The third was canceled in the queue, so this is the fourth.
    await within("the fourth", fourth?.acknowledged ?? Promise.reject());
    write([0x40, 2, ...ids[1] ?? []]);
    await within("the second", second?.acknowledged ?? Promise.reject());
    assertEquals(ids.length, 3);
    await close(connection);
  });
});

Deno.test("cancel() ends a message in flight: nothing more of it is sent, and its failure is handled", async () => {
  const types: unknown[] = [];
  let write: (bytes: readonly number[]) => void = () => {};
  let id: number[] = [];
  await withScriptedBroker((packet, writeHere) => {
    write = writeHere;
    if (packet.type === CONNECT) return CONNACK[5];
    types.push(packet.type);
    if (packet.type === PUBLISH) id = [...packet.body.slice(3, 5)];
    return packet.type === UNSUBSCRIBE ? [0xb0, 4, ...packet.body.slice(0, 2), 0, 0] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const delivery = connection.publish({ ...MESSAGE, qos: 2 });
    await until("the message", () => id.length === 2);
    delivery.cancel();
    delivery.cancel();
    // The broker received it after all, and sends PUBREC.
    write([0x50, 2, ...id]);
    await within("a round trip", connection.unsubscribe(["a"]));
    await within("another one", connection.unsubscribe(["a"]));
    assertEquals(types, [PUBLISH, UNSUBSCRIBE, UNSUBSCRIBE]);
    await assertRejects(() => delivery.acknowledged, BrokerError);
    await close(connection);
    await until("the DISCONNECT", () => types.includes(DISCONNECT));
    assertEquals(types.includes(PUBREL), false);
    delivery.cancel();
  });
});

Deno.test("publish() rejects with the reason of the broker", async () => {
  await withScriptedBroker((packet) => {
    if (packet.type === CONNECT) return CONNACK[5];
    return packet.type === PUBLISH ? [0x40, 3, ...packet.body.slice(3, 5), 135] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    await assertRejects(() => connection.publish(MESSAGE).acknowledged, BrokerError, "Not authorized");
    // The connection stays open, and the window has its full size.
    await assertRejects(() => connection.publish(MESSAGE).acknowledged, BrokerError, "Not authorized");
    await close(connection);
  });
});

Deno.test("a closed connection fails any number of pending messages with its reason", async () => {
  for (const closedBy of ["broker", "gateway"] as const) {
    let sent = 0;
    await withScriptedBroker((packet) => {
      if (packet.type === CONNECT) return [0x20, 6, 0, 0, 3, 33, 0, 2];
      sent += 1;
      return closedBy === "broker" && sent === 2 ? "close" : undefined;
    }, async (address) => {
      const connection = await connect(address, { signal: never });
      const messages = Array.from({ length: 20_000 }, () => connection.publish(MESSAGE).acknowledged);
      await until("the first", () => sent === 2);
      const closing = closedBy === "gateway" ? connection.close(new BrokerError("Idle")) : undefined;
      const results = await within("failing", Promise.allSettled(messages));
      const reasons = results.map((result) => result.status === "rejected" && result.reason.message);
      const expected = closedBy === "gateway" ? "Idle" : `Broker 127.0.0.1:${address.port} closed the connection`;
      assertEquals([...new Set(reasons)], [expected]);
      await closing;
      await close(connection);
      assertEquals(sent, 2);
    });
  }
});

Deno.test("a closed connection fails messages of QoS 0 that the socket did not take", () =>
  withTcpServer(async (socket) => {
    await socket.read(new Uint8Array(1000));
    await socket.write(Uint8Array.from(CONNACK[5]));
  }, async (port) => {
    const connection = await connect({ host: "127.0.0.1", port }, { signal: never });
    const payload = "x".repeat(2 ** 20);
    const messages = Array.from({ length: 20 }, () => connection.publish({ ...MESSAGE, payload, qos: 0 }).acknowledged);
    await connection.close(new BrokerError("Idle"));
    const results = await within("failing", Promise.allSettled(messages));
    assertEquals(
      results.map((result) => result.status === "rejected" && result.reason.message),
      Array(20).fill("Idle"),
    );
  }));
