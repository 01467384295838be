import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import {
  type BrokerAddress,
  BrokerError,
  BrokerForbiddenError,
  type BrokerMessage,
  type Publication,
} from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import { until, within } from "../support/deadline.ts";
import { freePort, withTcpServer } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import {
  close,
  CONNACK,
  CONNECT,
  PINGREQ,
  SUBSCRIBE,
  versionOf,
  withScriptedBroker,
} from "../support/scripted_broker.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { inTempDir } from "../support/temp_dir.ts";

const connect = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;
const MESSAGE: Publication = { topic: "a", payload: "x", qos: 1, retain: false };

function failure(address: BrokerAddress, signal = never): Promise<Error> {
  return within("failing", assertRejects(() => connect(address, { signal }), BrokerError));
}

Deno.test("connect() reports a broker that refuses the connection", async () => {
  const port = freePort();
  const { message } = await failure({ host: "127.0.0.1", port });
  assertEquals(message, `Broker 127.0.0.1:${port} refused the connection: nothing listens there (code ECONNREFUSED)`);
});

Deno.test("connect() reports a host that does not exist", async () => {
  const { message } = await failure({ host: "no-such-host.invalid", port: 1883 });
  assertEquals(message.startsWith("Broker no-such-host.invalid:1883 not found"), true, message);
});

Deno.test("connect() reports a server that closes the connection", () =>
  withTcpServer((connection) => connection.close(), async (port) => {
    const { message } = await failure({ host: "127.0.0.1", port });
    assertEquals(message.startsWith(`Broker 127.0.0.1:${port} `), true, message);
  }));

Deno.test("connect() stops waiting for a silent server when its signal is aborted", () =>
  withTcpServer(() => {}, async (port) => {
    const stop = new AbortController();
    const failing = failure({ host: "127.0.0.1", port }, stop.signal);
    stop.abort(new BrokerError("Too late"));
    assertEquals((await failing).message, "Too late");
  }));

Deno.test("a connection publishes, subscribes and delivers in order, with the retain flag of MQTT 3.1.1", async () => {
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
  // The embedded broker speaks 3.1.1, which has no subscription identifiers.
  assertEquals(received[0]?.subscriptions, undefined);
  await close(connection);
  await broker.close();
});

Deno.test("a promise from onMessage delays the next message", async () => {
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

Deno.test("a closed connection resolves `closed`, and publishes no more", async () => {
  const broker = await startEmbeddedBroker(0);
  const connection = await connect(broker, { signal: never });
  await broker.close();
  const { message } = await within("the end of the connection", connection.closed);
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

Deno.test("connect() rejects a login that MQTT cannot encode, and a server of another protocol", () =>
  withTcpServer((connection) => {
    connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(() => {});
  }, async (port) => {
    const huge = await failure({ host: "127.0.0.1", port, username: "\u20ac".repeat(30_000), password: "x" });
    assertEquals(huge.message.startsWith(`Broker 127.0.0.1:${port} failed`), true, huge.message);
    const foreign = await failure({ host: "127.0.0.1", port });
    assertEquals(foreign.message.startsWith(`Broker 127.0.0.1:${port} failed`), true, foreign.message);
    // An unhandled error would have ended the process by now.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }));

Deno.test("connect() rejects a broker whose name resolves to a forbidden address", async () => {
  let connections = 0;
  await withTcpServer(() => void (connections += 1), async (port) => {
    const refusing = createConnectBroker({
      keepaliveSeconds: 20,
      addressFault: (address) => /^127\.|^::1$/.test(address) ? "is loopback" : undefined,
    });
    const ways = [{}, { tls: {} }, { webSocketPath: "/mqtt" }, { webSocketPath: "/mqtt", tls: {} }];
    for (const way of ways) {
      const error = await assertRejects(
        () => refusing({ host: "localhost", port, ...way }, { signal: AbortSignal.timeout(10_000) }),
        BrokerForbiddenError,
      );
      assert(/^Broker not allowed: localhost:\d+ leads to (127\.0\.0\.1|::1), which is loopback$/.test(error.message));
    }
    assertEquals(connections, 0);
  });
});

for (
  const [action, refusal] of [
    ["answers 1", [0x20, 2, 0, 1]],
    ["answers 132", [0x20, 3, 0, 132, 0]],
    ["closes the connection", "close"],
  ] as const
) {
  Deno.test(`connect() speaks MQTT 5, and 3.1.1 with a broker that ${action}`, async () => {
    const versions: unknown[] = [];
    await withScriptedBroker((packet) => {
      if (packet.type !== CONNECT) return undefined;
      versions.push(versionOf(packet));
      return versionOf(packet) === 4 ? CONNACK[4] : refusal;
    }, async (address) => {
      const connection = await within("connecting", connect(address, { signal: never }));
      assertEquals(versions, [5, 4]);
      await close(connection);
    });
  });

  Deno.test(`connect() reports a broker that ${action} with any version, and makes no third attempt`, async () => {
    const versions: unknown[] = [];
    await withScriptedBroker((packet) => {
      versions.push(versionOf(packet));
      return refusal === "close" || versionOf(packet) === 5 ? refusal : [0x20, 2, 0, 1];
    }, async (address) => {
      const { message } = await failure(address);
      const expected = refusal === "close" ? "closed the connection" : "speaks neither MQTT 5 nor 3.1.1 (code 1)";
      assertEquals(message, `Broker 127.0.0.1:${address.port} ${expected}`);
      assertEquals(versions, [5, 4]);
    });
  });
}

Deno.test("connect() does not try another version if the login is refused", async () => {
  let connects = 0;
  await withScriptedBroker(() => {
    connects += 1;
    return [0x20, 3, 0, 134, 0];
  }, async (address) => {
    const { message } = await failure(address);
    assertEquals(message, `Broker 127.0.0.1:${address.port} refused the user name or password (code 134)`);
    assertEquals(connects, 1);
  });
});

Deno.test("connect() stops waiting for the second version too when its signal is aborted", async () => {
  const stop = new AbortController();
  await withScriptedBroker((packet) => {
    if (versionOf(packet) === 5) return [0x20, 2, 0, 1];
    stop.abort(new BrokerError("Too late"));
    return undefined;
  }, async (address) => {
    assertEquals((await failure(address, stop.signal)).message, "Too late");
  });
});

for (const version of [5, 4] as const) {
  Deno.test(`subscribe() returns only the filters that the broker refused, in version ${version}`, async () => {
    await withScriptedBroker((packet) => {
      if (packet.type === CONNECT) return versionOf(packet) === version ? CONNACK[version] : [0x20, 2, 0, 1];
      if (packet.type !== SUBSCRIBE) return undefined;
      const [high = 0, low = 0] = packet.body;
      // Each filter is a single letter, followed by its options.
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

const connectWithKeepalive = createConnectBroker({ keepaliveSeconds: 1, addressFault: () => undefined });

/** PINGRESP. */
const PONG = [0xd0, 0];

/** Returns a PUBLISH to the topic `a`, of QoS 1 and with a digit as payload and packet identifier, in MQTT 5. */
const messageOf = (digit: number) => [0x32, 7, 0, 1, 97, 0, digit, 0, 48 + digit];

Deno.test("a missing ping response is the reason of the end, also for pending commands", async () => {
  await withScriptedBroker((packet) => packet.type === CONNECT ? CONNACK[5] : undefined, async (address) => {
    const connection = await connectWithKeepalive(address, { signal: never });
    const failing = assertRejects<Error>(() => connection.publish(MESSAGE).acknowledged, BrokerError);
    const { message } = await within<Error>("failing", failing);
    assertEquals(message, `Broker 127.0.0.1:${address.port} failed: Keepalive timeout`);
    assertEquals((await connection.closed).message, message);
    assertGreaterOrEqual(connection.silentMs, 1000);
    await close(connection);
  });
});

const SESSION = { clientId: "gateway", expirySeconds: 60, receiveMaximum: 1 };

for (const session of [undefined, SESSION]) {
  const cause = session === undefined ? "is not taken" : "is the last one that may wait for its acknowledgement";
  Deno.test(`a broker is not silent while a message ${cause}, behind which nothing is read`, async () => {
    const room = Promise.withResolvers<void>();
    const received: string[] = [];
    let pings = 0;
    let write: (bytes: readonly number[]) => void = () => {};
    await withScriptedBroker(({ type }, writeHere) => {
      write = writeHere;
      if (type === PINGREQ) pings += 1;
      return type === CONNECT ? CONNACK[5] : type === PINGREQ ? PONG : undefined;
    }, async (address) => {
      const connection = await connectWithKeepalive(address, {
        signal: never,
        session,
        onMessage: ({ payload }) => received.push(new TextDecoder().decode(payload)) === 1 ? room.promise : undefined,
      });
      write([...messageOf(1), ...messageOf(2)]);
      await until("the first message", () => received.length === 1);
      // The first one is due after the keep-alive interval, and the connection would end before the second one.
      await until("pings without a response that is read", () => pings === 3);
      assertEquals([connection.silentMs, received], [0, ["1"]]);
      room.resolve();
      await until("the second message", () => received.length === 2);
      await until("further pings", () => pings === 5);
      await close(connection);
      assertEquals((await connection.closed).message, "Connection closed");
    });
  });
}

Deno.test("messages show that a broker lives while its ping response is behind them, but not after the last one", async () => {
  let pings = 0;
  await withScriptedBroker(({ type }) => {
    if (type === PINGREQ) pings += 1;
    return type === CONNECT ? CONNACK[5] : type === PINGREQ && pings <= 3 ? messageOf(1) : undefined;
  }, async (address) => {
    const connection = await connectWithKeepalive(address, { signal: never, onMessage: () => undefined });
    const { message } = await within("the end", connection.closed);
    assertEquals(message, `Broker 127.0.0.1:${address.port} failed: Keepalive timeout`);
    assert(pings > 3, `${pings} pings`);
    await close(connection);
  });
});

Deno.test("silentMs starts again with every packet, and with each part of one", async () => {
  let write: (bytes: readonly number[]) => void = () => {};
  await withScriptedBroker((packet, writeHere) => {
    write = writeHere;
    return packet.type === CONNECT ? CONNACK[5] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    for (const bytes of [PONG, [0x30, 5, 0], [1, 97], [0, 120], PONG]) {
      const sentAt = performance.now();
      write(bytes);
      await until("bytes", () => performance.now() - connection.silentMs >= sentAt);
    }
    await close(connection);
  });
});

Deno.test({
  ...needing(
    "an MQTT 5 broker sends a delivery with the id of each subscription, and retained messages again",
    { mosquitto: MOSQUITTO },
  ),
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
    // A delivery for the other filter would have arrived by the next round trip.
    await connection.unsubscribe(["a/+"]);
    assertEquals(received, [["last", 2, false, [largest]]]);
    await close(connection);
    await broker.stop();
  },
});

Deno.test({
  ...needing("an MQTT 5 broker refuses a message with a reason, and accepts the next one", { mosquitto: MOSQUITTO }),
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
  ...needing("any number of messages is published at once within the receive maximum of an MQTT 5 broker", {
    mosquitto: MOSQUITTO,
  }),
  async fn() {
    const broker = await startBroker(["allow_anonymous true", "max_inflight_messages 20"]);
    const received = new Set<string>();
    const connection = await connect(broker, {
      signal: never,
      onMessage: ({ payload }) => void received.add(new TextDecoder().decode(payload)),
    });
    await connection.subscribe([{ filter: "a", qos: 2, id: 1 }]);
    // With one more, Mosquitto would close the connection.
    await Promise.all(Array.from(
      { length: 200 },
      (_, count) => connection.publish({ ...MESSAGE, payload: String(count), qos: 2 }).acknowledged,
    ));
    await until("all messages", () => received.size === 200);
    await close(connection);
    await broker.stop();
  },
});
