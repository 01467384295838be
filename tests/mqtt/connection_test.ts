import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import {
  type BrokerAddress,
  type BrokerConnection,
  BrokerError,
  BrokerForbiddenError,
  type BrokerMessage,
  type Publication,
} from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connection.ts";
import { until, within } from "../deadline.ts";
import { freePort, withTcpServer } from "../loopback.ts";
import { MOSQUITTO, startBroker } from "../system/broker.ts";
import { inTempDir } from "../temp_dir.ts";

const connect = createConnectBroker({ keepAliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;
const MESSAGE: Publication = { topic: "a", payload: "x", qos: 1, retain: false };

/** Closes a connection, and waits for a timer of a millisecond that MQTT.js leaves behind. */
async function close(connection: BrokerConnection): Promise<void> {
  await connection.close();
  await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Types of packets, in the upper half of their first byte. */
const [CONNECT, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT] = [1, 3, 6, 8, 10, 14];

/** Greetings of a broker of MQTT 5, and of one of 3.1.1. */
const WELCOME = { 5: [0x20, 3, 0, 0, 0], 4: [0x20, 2, 0, 0] };

/** A packet of a client. */
interface Packet {
  readonly type: number | undefined;
  /** What follows the length. */
  readonly body: Uint8Array;
}

/** Takes the packets of a client apart, which are small here: their length is one byte. */
async function* readPackets(connection: Deno.TcpConn): AsyncGenerator<Packet, void, void> {
  const bytes: number[] = [];
  for await (const chunk of connection.readable) {
    bytes.push(...chunk);
    for (let [head = 0, length = 0] = bytes; bytes.length >= 2 + length; [head = 0, length = 0] = bytes) {
      yield { type: head >> 4, body: new Uint8Array(bytes.splice(0, 2 + length).slice(2)) };
    }
  }
}

/** Runs a broker that says what a test wants: bytes to answer a packet with, or that it hangs up. */
function withBareBroker(
  answer: (packet: Packet, write: (bytes: readonly number[]) => void) => readonly number[] | "hang up" | undefined,
  test: (address: BrokerAddress) => Promise<void>,
): Promise<void> {
  return withTcpServer(async (connection) => {
    const writer = connection.writable.getWriter();
    const write = (bytes: readonly number[]) => void writer.write(Uint8Array.from(bytes)).catch(() => {});
    try {
      for await (const packet of readPackets(connection)) {
        const said = answer(packet, write);
        if (said === "hang up") return;
        if (said !== undefined) write(said);
      }
    } catch {
      // The client went away.
    }
  }, (port) => test({ host: "127.0.0.1", port }));
}

/** The version of MQTT that a greeting asks for. */
function versionOf({ body }: Packet): number | undefined {
  return body[6];
}

function failure(address: BrokerAddress, signal = never): Promise<Error> {
  return within("failing", assertRejects(() => connect(address, { signal }), BrokerError));
}

Deno.test("connect() tells a broker that is not there", async () => {
  const port = freePort();
  const { message } = await failure({ host: "127.0.0.1", port });
  assertEquals(message, `Broker 127.0.0.1:${port} refused the connection: nothing listens there (code ECONNREFUSED)`);
});

Deno.test("connect() tells a host that does not exist", async () => {
  const { message } = await failure({ host: "no-such-host.invalid", port: 1883 });
  assertEquals(message.startsWith("Broker no-such-host.invalid:1883 not found"), true, message);
});

Deno.test("connect() tells a server that hangs up instead of speaking MQTT", () =>
  withTcpServer((connection) => connection.close(), async (port) => {
    const { message } = await failure({ host: "127.0.0.1", port });
    assertEquals(message.startsWith(`Broker 127.0.0.1:${port} `), true, message);
  }));

Deno.test("connect() gives up on a silent server when its signal says so", () =>
  withTcpServer(() => {}, async (port) => {
    const stop = new AbortController();
    const failing = failure({ host: "127.0.0.1", port }, stop.signal);
    stop.abort(new BrokerError("Too late"));
    assertEquals((await failing).message, "Too late");
  }));

Deno.test("a connection publishes, subscribes and delivers in order, with retain as MQTT 3.1.1 means it", async () => {
  const broker = await startEmbeddedBroker(0);
  const received: BrokerMessage[] = [];
  const connection = await connect(broker, {
    signal: never,
    onMessage(message) {
      received.push(message);
      return undefined;
    },
  });
  await connection.publish({ topic: "a/kept", payload: "old", qos: 1, retain: true }).acknowledged;
  assertEquals(await connection.subscribe([{ filter: "a/#", qos: 1, id: 1 }]), []);
  for (let count = 0; count < 50; count++) {
    await connection.publish({ topic: "a/live", payload: String(count), qos: 1, retain: true }).acknowledged;
  }
  await until("all messages", () => received.length === 51);
  const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
  assertEquals(received.map(({ payload }) => text(payload)), ["old", ...Array.from({ length: 50 }, (_, n) => `${n}`)]);
  assertEquals(received.map(({ retain }) => retain), [true, ...Array(50).fill(false)]);
  // The embedded broker speaks 3.1.1, which has no numbers for subscriptions.
  assertEquals(received[0]?.subscriptions, undefined);
  await close(connection);
  await broker.close();
});

Deno.test("a receiver that asks to wait holds back the next message", async () => {
  const broker = await startEmbeddedBroker(0);
  const received: string[] = [];
  const room = Promise.withResolvers<void>();
  const connection = await connect(broker, {
    signal: never,
    onMessage({ payload }) {
      received.push(new TextDecoder().decode(payload));
      return received.length === 1 ? room.promise : undefined;
    },
  });
  const sender = await connect(broker, { signal: never });
  await connection.subscribe([{ filter: "a", qos: 0, id: 1 }]);
  for (const payload of ["1", "2", "3"]) await sender.publish({ ...MESSAGE, payload }).acknowledged;
  await until("the first", () => received.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(received, ["1"]);
  room.resolve();
  await until("the rest", () => received.length === 3);
  await Promise.all([connection.close(), sender.close()]);
  await broker.close();
});

Deno.test("a lost connection says so, and publishes no more", async () => {
  const broker = await startEmbeddedBroker(0);
  const connection = await connect(broker, { signal: never });
  await broker.close();
  const { message } = await within("losing", connection.lost);
  assertEquals(message, `Broker 127.0.0.1:${broker.port} closed the connection`);
  for (const qos of [0, 1, 2] as const) {
    await assertRejects(
      () => within("failing", connection.publish({ ...MESSAGE, qos }).acknowledged),
      BrokerError,
      "closed the connection",
    );
  }
  await assertRejects(() => connection.subscribe([{ filter: "a", qos: 0, id: 1 }]), BrokerError, "closed");
  await assertRejects(() => connection.unsubscribe(["a"]), BrokerError, "closed");
  await close(connection);
});

Deno.test("connect() survives a login that MQTT cannot carry, and a server that speaks something else", () =>
  withTcpServer((connection) => {
    connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(() => {});
  }, async (port) => {
    const huge = await failure({ host: "127.0.0.1", port, username: "\u20ac".repeat(30_000), password: "x" });
    assertEquals(huge.message.startsWith(`Broker 127.0.0.1:${port} failed`), true, huge.message);
    const foreign = await failure({ host: "127.0.0.1", port });
    assertEquals(foreign.message.startsWith(`Broker 127.0.0.1:${port} failed`), true, foreign.message);
    // A fault that nobody listens to would end the process by now.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }));

Deno.test("a broker whose name leads to a forbidden address is not connected to", async () => {
  let connections = 0;
  await withTcpServer(() => void (connections += 1), async (port) => {
    const refusing = createConnectBroker({
      keepAliveSeconds: 20,
      addressFault: (address) => /^127\.|^::1$/.test(address) ? "is loopback" : undefined,
    });
    for (const tls of [undefined, {}]) {
      const error = await assertRejects(
        () => refusing({ host: "localhost", port, tls }, { signal: AbortSignal.timeout(10_000) }),
        BrokerForbiddenError,
      );
      assert(/^Broker not allowed: localhost:\d+ leads to (127\.0\.0\.1|::1), which is loopback$/.test(error.message));
    }
    assertEquals(connections, 0);
  });
});

for (
  const [words, refusal] of [
    ["answers 1", [0x20, 2, 0, 1]],
    ["answers 132", [0x20, 3, 0, 132, 0]],
    ["hangs up", "hang up"],
  ] as const
) {
  Deno.test(`connect() speaks MQTT 5, and 3.1.1 with a broker that ${words}`, async () => {
    const versions: unknown[] = [];
    await withBareBroker((packet) => {
      if (packet.type !== CONNECT) return undefined;
      versions.push(versionOf(packet));
      return versionOf(packet) === 4 ? WELCOME[4] : refusal;
    }, async (address) => {
      const connection = await within("connecting", connect(address, { signal: never }));
      assertEquals(versions, [5, 4]);
      await close(connection);
    });
  });

  Deno.test(`connect() tells a broker that ${words} whatever it is asked, and asks no third time`, async () => {
    const versions: unknown[] = [];
    await withBareBroker((packet) => {
      versions.push(versionOf(packet));
      return refusal === "hang up" || versionOf(packet) === 5 ? refusal : [0x20, 2, 0, 1];
    }, async (address) => {
      const { message } = await failure(address);
      const expected = refusal === "hang up" ? "closed the connection" : "speaks neither MQTT 5 nor 3.1.1 (code 1)";
      assertEquals(message, `Broker 127.0.0.1:${address.port} ${expected}`);
      assertEquals(versions, [5, 4]);
    });
  });
}

Deno.test("connect() does not try another version where the login is refused", async () => {
  let greetings = 0;
  await withBareBroker(() => {
    greetings += 1;
    return [0x20, 3, 0, 134, 0];
  }, async (address) => {
    const { message } = await failure(address);
    assertEquals(message, `Broker 127.0.0.1:${address.port} refused the user name or password (code 134)`);
    assertEquals(greetings, 1);
  });
});

Deno.test("connect() gives up in the second version too when its signal says so", async () => {
  const stop = new AbortController();
  await withBareBroker((packet) => {
    if (versionOf(packet) === 5) return [0x20, 2, 0, 1];
    stop.abort(new BrokerError("Too late"));
    return undefined;
  }, async (address) => {
    assertEquals((await failure(address, stop.signal)).message, "Too late");
  });
});

for (const version of [5, 4] as const) {
  Deno.test(`subscribe() returns just the filters that the broker refused, in version ${version}`, async () => {
    await withBareBroker((packet) => {
      if (packet.type === CONNECT) return versionOf(packet) === version ? WELCOME[version] : [0x20, 2, 0, 1];
      if (packet.type !== SUBSCRIBE) return undefined;
      const [high = 0, low = 0] = packet.body;
      // Each filter here is a single letter, followed by its options.
      const letters = [...packet.body].filter((_, index, body) => index > 3 && body[index - 1] === 1);
      const codes = letters.map((letter) => String.fromCharCode(letter) < "c" ? 0 : version === 5 ? 135 : 128);
      return version === 5
        ? [0x90, 3 + codes.length, high, low, 0, ...codes]
        : [0x90, 2 + codes.length, high, low, ...codes];
    }, async (address) => {
      const connection = await connect(address, { signal: never });
      const requests = ["a", "c", "b", "d"].map((filter, index) => ({ filter, qos: 0 as const, id: 10 + index }));
      assertEquals(await within("answering", connection.subscribe(requests)), ["c", "d"]);
      await close(connection);
    });
  });
}

Deno.test("subscribe() asks for filters with names that MQTT.js keeps for itself, each at its quality", async () => {
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

Deno.test("subscribe() numbers no subscriptions with a broker of MQTT 5 that takes no numbers", async () => {
  const packets: Packet[] = [];
  await withBareBroker((packet) => {
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

for (const version of [5, 4] as const) {
  Deno.test(`commands on a connection that ends fail with its reason, and none unheard, in version ${version}`, () =>
    withBareBroker((packet) => {
      if (packet.type === CONNECT) return versionOf(packet) === version ? WELCOME[version] : [0x20, 2, 0, 1];
      return packet.type === DISCONNECT ? "hang up" : undefined;
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
      // Right now MQTT.js lets go of what it has, and refuses commands in yet another way.
      await connection.lost;
      await failures();
      await closing;
      await failures();
      await close(connection);
    }));
}

Deno.test("publish() keeps within the broker's receive maximum, and sends what waits as soon as it may", async () => {
  const ids: number[][] = [];
  let write: (bytes: readonly number[]) => void = () => {};
  await withBareBroker((packet, writeHere) => {
    write = writeHere;
    // Property 33: a receive maximum of 2.
    if (packet.type === CONNECT) return [0x20, 6, 0, 0, 3, 33, 0, 2];
    if (packet.type === PUBLISH) ids.push([...packet.body.slice(3, 5)]);
    return undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const [first, second, third, fourth] = Array.from({ length: 4 }, () => connection.publish(MESSAGE));
    await until("the first two", () => ids.length === 2);
    third?.abandon();
    write([0x40, 2, ...ids[0] ?? []]);
    await within("the first", first?.acknowledged ?? Promise.reject());
    await until("the next one", () => ids.length === 3);
    write([0x40, 2, ...ids[2] ?? []]);
    // The third was taken back while it waited, so this is the fourth.
    await within("the fourth", fourth?.acknowledged ?? Promise.reject());
    write([0x40, 2, ...ids[1] ?? []]);
    await within("the second", second?.acknowledged ?? Promise.reject());
    assertEquals(ids.length, 3);
    await close(connection);
  });
});

Deno.test("abandon() ends a message in flight: nothing more is sent of it, and its failure needs nobody to hear it", async () => {
  const types: unknown[] = [];
  let write: (bytes: readonly number[]) => void = () => {};
  let id: number[] = [];
  await withBareBroker((packet, writeHere) => {
    write = writeHere;
    if (packet.type === CONNECT) return WELCOME[5];
    types.push(packet.type);
    if (packet.type === PUBLISH) id = [...packet.body.slice(3, 5)];
    return packet.type === UNSUBSCRIBE ? [0xb0, 4, ...packet.body.slice(0, 2), 0, 0] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const delivery = connection.publish({ ...MESSAGE, qos: 2 });
    await until("the message", () => id.length === 2);
    delivery.abandon();
    delivery.abandon();
    // The broker has it after all, and asks whether to pass it on.
    write([0x50, 2, ...id]);
    await within("a round trip", connection.unsubscribe(["a"]));
    await within("another one", connection.unsubscribe(["a"]));
    assertEquals(types, [PUBLISH, UNSUBSCRIBE, UNSUBSCRIBE]);
    await assertRejects(() => delivery.acknowledged, BrokerError);
    await close(connection);
    await until("the farewell", () => types.includes(DISCONNECT));
    assertEquals(types.includes(PUBREL), false);
    delivery.abandon();
  });
});

Deno.test("publish() tells why the broker refused a message", async () => {
  await withBareBroker((packet) => {
    if (packet.type === CONNECT) return WELCOME[5];
    return packet.type === PUBLISH ? [0x40, 3, ...packet.body.slice(3, 5), 135] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    await assertRejects(() => connection.publish(MESSAGE).acknowledged, BrokerError, "Not authorized");
    // The connection is none the worse for it, and no room was lost.
    await assertRejects(() => connection.publish(MESSAGE).acknowledged, BrokerError, "Not authorized");
    await close(connection);
  });
});

Deno.test("a connection that ends fails all messages, however many wait, with the reason of its end", async () => {
  for (const how of ["hang up", "close"] as const) {
    let sent = 0;
    await withBareBroker((packet) => {
      if (packet.type === CONNECT) return [0x20, 6, 0, 0, 3, 33, 0, 2];
      sent += 1;
      return how === "hang up" && sent === 2 ? how : undefined;
    }, async (address) => {
      const connection = await connect(address, { signal: never });
      const messages = Array.from({ length: 20_000 }, () => connection.publish(MESSAGE).acknowledged);
      await until("the first", () => sent === 2);
      const closing = how === "close" ? connection.close(new BrokerError("Idle")) : undefined;
      const results = await within("failing", Promise.allSettled(messages));
      const reasons = results.map((result) => result.status === "rejected" && result.reason.message);
      const expected = how === "close" ? "Idle" : `Broker 127.0.0.1:${address.port} closed the connection`;
      assertEquals([...new Set(reasons)], [expected]);
      await closing;
      await close(connection);
      assertEquals(sent, 2);
    });
  }
});

Deno.test("a connection that ends fails the messages of QoS 0 that the socket did not take", () =>
  withTcpServer(async (socket) => {
    await socket.read(new Uint8Array(1000));
    await socket.write(Uint8Array.from(WELCOME[5]));
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

Deno.test("a broker that answers no ping is told as the reason, also to those who wait", async () => {
  await withBareBroker((packet) => packet.type === CONNECT ? WELCOME[5] : undefined, async (address) => {
    const impatient = createConnectBroker({ keepAliveSeconds: 1, addressFault: () => undefined });
    const connection = await impatient(address, { signal: never });
    const { heard } = connection;
    const failing = assertRejects<Error>(() => connection.publish(MESSAGE).acknowledged, BrokerError);
    const { message } = await within<Error>("failing", failing);
    assertEquals(message, `Broker 127.0.0.1:${address.port} failed: Keepalive timeout`);
    assertEquals((await connection.lost).message, message);
    assertEquals(connection.heard, heard);
    await close(connection);
  });
});

Deno.test("a connection counts whatever it hears", async () => {
  let write: (bytes: readonly number[]) => void = () => {};
  await withBareBroker((packet, writeHere) => {
    write = writeHere;
    return packet.type === CONNECT ? WELCOME[5] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const { heard } = connection;
    write([0x30, 5, 0, 1, 97, 0, 120]);
    await until("a message", () => connection.heard === heard + 1);
    write([0xd0, 0]);
    await until("a pong", () => connection.heard === heard + 2);
    await close(connection);
  });
});

Deno.test({
  name: "a broker of MQTT 5 tells for which subscriptions a message is, one delivery each, and retained ones again",
  ignore: MOSQUITTO === undefined,
  async fn() {
    const broker = await startBroker();
    const received: unknown[] = [];
    const connection = await connect(broker, {
      signal: never,
      onMessage({ payload, qos, retain, subscriptions }) {
        received.push([new TextDecoder().decode(payload), qos, retain, subscriptions]);
        return undefined;
      },
    });
    await connection.publish({ topic: "a/b", payload: "kept", qos: 1, retain: true }).acknowledged;
    const largest = 2 ** 28 - 1;
    const wide = { filter: "a/#", qos: 1, id: 1 } as const;
    await connection.subscribe([wide, { filter: "a/+", qos: 2, id: largest }]);
    await until("what is retained", () => received.length === 2);
    assertEquals(received.splice(0), [["kept", 1, true, [1]], ["kept", 1, true, [largest]]]);
    await connection.subscribe([wide]);
    await until("what is retained, again", () => received.length === 1);
    assertEquals(received.splice(0), [["kept", 1, true, [1]]]);
    await connection.publish({ topic: "a/b", payload: "live", qos: 2, retain: true }).acknowledged;
    await until("the live one", () => received.length === 2);
    assertEquals(received.splice(0).toSorted(), [["live", 1, false, [1]], ["live", 2, false, [largest]]]);
    await connection.unsubscribe(["a/#"]);
    await connection.publish({ topic: "a/b", payload: "last", qos: 2, retain: false }).acknowledged;
    await until("the last one", () => received.length >= 1);
    // Had the other filter still been there, its delivery would have come by the next round trip.
    await connection.unsubscribe(["a/+"]);
    assertEquals(received, [["last", 2, false, [largest]]]);
    await close(connection);
    await broker.stop();
  },
});

Deno.test({
  name: "a broker of MQTT 5 tells that it refuses a message, and takes the next one",
  ignore: MOSQUITTO === undefined,
  fn: () =>
    inTempDir(async (directory) => {
      const file = `${directory}/acl`;
      await Deno.writeTextFile(file, "topic readwrite open/#\n");
      const broker = await startBroker(["allow_anonymous true", `acl_file ${file}`]);
      const connection = await connect(broker, { signal: never });
      for (const qos of [1, 2] as const) {
        await assertRejects(
          () => connection.publish({ ...MESSAGE, topic: "shut/a", qos }).acknowledged,
          BrokerError,
          "Not authorized",
        );
        await connection.publish({ ...MESSAGE, topic: "open/a", qos }).acknowledged;
      }
      await close(connection);
      await broker.stop();
    }),
});

Deno.test({
  name: "a broker of MQTT 5 takes any number of messages at once, as it gets no more than its receive maximum",
  ignore: MOSQUITTO === undefined,
  async fn() {
    const broker = await startBroker(["allow_anonymous true", "max_inflight_messages 20"]);
    const received = new Set<string>();
    const connection = await connect(broker, {
      signal: never,
      onMessage: ({ payload }) => void received.add(new TextDecoder().decode(payload)),
    });
    await connection.subscribe([{ filter: "a", qos: 2, id: 1 }]);
    // One too many, and Mosquitto would end the connection.
    await Promise.all(Array.from(
      { length: 200 },
      (_, count) => connection.publish({ ...MESSAGE, payload: String(count), qos: 2 }).acknowledged,
    ));
    await until("all messages", () => received.size === 200);
    assertGreater(connection.heard, 400);
    await close(connection);
    await broker.stop();
  },
});
