/** Limits of brokers, and messages beyond the limits of the gateway. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type BrokerAddress, BrokerError, type BrokerMessage } from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import { until, within } from "../support/deadline.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { needing } from "../support/needs.ts";
import { withMqtt3Proxy } from "../support/mqtt3_proxy.ts";
import { close, CONNACK, CONNECT, PUBLISH, versionOf, withScriptedBroker } from "../support/scripted_broker.ts";

const never = new AbortController().signal;
const MAX_PAYLOAD_BYTES = 100_000;
const connect = createConnectBroker({
  keepaliveSeconds: 20,
  addressFault: () => undefined,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
});
const NEEDS = { mosquitto: MOSQUITTO };

/** Opens a connection that records its messages. */
async function listen(address: BrokerAddress, filter: string) {
  const received: BrokerMessage[] = [];
  const connection = await connect(address, {
    signal: never,
    onMessage(message) {
      received.push(message);
      return undefined;
    },
  });
  await connection.subscribe([{ filter, qos: 2, id: 1 }]);
  return { connection, received };
}

Deno.test(
  needing("connect() tries 3.1.1 with a broker that resets the connection of MQTT 5, and publishes there", NEEDS),
  async () => {
    const broker = await startBroker();
    await withMqtt3Proxy(broker, async (address) => {
      const { connection, received } = await within("connecting", listen(address, "t"));
      await connection.publish({ topic: "t", payload: "m", qos: 1, retain: false }).acknowledged;
      await until("the message", () => received.length === 1);
      // Only MQTT 5 has subscription identifiers.
      assertEquals(received[0]?.subscriptions, undefined);
      await close(connection);
    });
    await broker.stop();
  },
);

Deno.test("connect() makes one attempt if the broker refuses TCP, or does not respond", async () => {
  let connects = 0;
  await withScriptedBroker(({ type }) => {
    if (type === CONNECT) connects += 1;
    return undefined;
  }, async (address) => {
    const late = new AbortController();
    const failing = assertRejects(() => connect(address, { signal: late.signal }), BrokerError, "Too late");
    await until("the CONNECT", () => connects === 1);
    late.abort(new BrokerError("Too late"));
    await within("failing", failing);
    assertEquals(connects, 1);
  });
});

Deno.test(needing("a message beyond the limit of Mosquitto fails alone, with its reason", NEEDS), async () => {
  const broker = await startBroker(["allow_anonymous true", "message_size_limit 1000"]);
  const { connection, received } = await listen(broker, "t");
  const publish = (length: number, qos: 0 | 1 | 2) =>
    within(
      "settling",
      connection.publish({ topic: "t", payload: "x".repeat(length), qos, retain: false }).acknowledged,
    );
  for (const qos of [1, 2] as const) {
    const [large, small] = [publish(2000, qos), publish(10, qos)];
    await assertRejects(() => large, BrokerError, "Publish error: Packet too large (code 149)");
    await small;
  }
  await until("the small ones", () => received.length === 2);
  await close(connection);
  await broker.stop();
});

Deno.test(
  needing("a message beyond the broker's maximum packet size is not sent, at any quality of service", NEEDS),
  async () => {
    const broker = await startBroker(["allow_anonymous true", "max_packet_size 1000"]);
    const { connection } = await listen(broker, "t");
    for (const qos of [0, 1, 2] as const) {
      for (const payload of ["x".repeat(1000), new Uint8Array(1000), "\u20ac".repeat(400)]) {
        await assertRejects(
          () => connection.publish({ topic: "t", payload, qos, retain: false }).acknowledged,
          BrokerError,
          "Broker takes no messages of more than 1000 bytes",
        );
      }
      await connection.publish({ topic: "t", payload: "x", qos, retain: false }).acknowledged;
    }
    await close(connection);
    await broker.stop();
  },
);

Deno.test("any negative acknowledgement fails its message alone, whatever its code", async () => {
  const codes = Array.from({ length: 0x80 }, (_, index) => 0x80 + index);
  let sent = 0;
  await withScriptedBroker(({ type, body }) => {
    if (type === CONNECT) return CONNACK[5];
    // Topic of one letter, then the packet identifier.
    if (type === PUBLISH) return [0x40, 4, body[3] ?? 0, body[4] ?? 0, codes[sent++] ?? 0, 0];
    return undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const publish = () => connection.publish({ topic: "t", payload: "", qos: 1, retain: false }).acknowledged;
    for (const code of codes) {
      await assertRejects(() => within("the publish", publish()), BrokerError, ` (code ${code})`);
    }
    await within("the next one", publish());
    await close(connection);
  });
});

Deno.test("the broker's reason string is reported without control characters, and truncated", async () => {
  const reason = [...new TextEncoder().encode(`evil\u001b[2J\u202e${"x".repeat(60)}`)];
  await withScriptedBroker(({ type, body }) => {
    if (type === CONNECT) return CONNACK[5];
    if (type !== PUBLISH) return undefined;
    const properties = [0x1f, 0, reason.length, ...reason];
    return [0x40, 4 + properties.length, body[3] ?? 0, body[4] ?? 0, 0x97, properties.length, ...properties];
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    const { message } = await assertRejects(
      () => connection.publish({ topic: "t", payload: "", qos: 1, retain: false }).acknowledged,
      BrokerError,
    );
    assertEquals(message, `Publish error: Quota exceeded, "evil [2J ${"x".repeat(60)}" (code 151)`);
    await close(connection);
  });
});

Deno.test("publish() at QoS 0 fails if the broker closes the connection, and succeeds if it does not respond", async () => {
  let hangsUp = true;
  await withScriptedBroker(({ type }) => {
    if (type === CONNECT) return CONNACK[5];
    return type === PUBLISH && hangsUp ? "close" : undefined;
  }, async (address) => {
    const publish = async () => {
      const connection = await connect(address, { signal: never });
      await connection.publish({ topic: "t", payload: "", qos: 0, retain: false }).acknowledged
        .finally(() => close(connection));
    };
    await assertRejects(() => within("failing", publish()), BrokerError, "closed the connection");
    hangsUp = false;
    await within("the publish", publish());
  });
});

Deno.test(
  needing(
    "a retained message beyond the limit is delivered with its length only, in 3.1.1 and in MQTT 5",
    NEEDS,
  ),
  async () => {
    const broker = await startBroker();
    const huge = 5 * MAX_PAYLOAD_BYTES;
    const device = await createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined })(broker, {
      signal: never,
    });
    await device.publish({ topic: "t/huge", payload: new Uint8Array(huge), qos: 1, retain: true }).acknowledged;
    await device.publish({ topic: "t/small", payload: "kept", qos: 1, retain: true }).acknowledged;
    await withMqtt3Proxy(broker, async (address) => {
      const { connection, received } = await within("subscribing", listen(address, "t/#"));
      await until("both", () => received.length === 2);
      for (const qos of [0, 1, 2] as const) {
        await device.publish({ topic: "t/huge", payload: new Uint8Array(huge), qos, retain: false }).acknowledged;
      }
      await device.publish({ topic: "t/last", payload: "", qos: 1, retain: false }).acknowledged;
      await until("all", () => received.length === 6);
      const summaries = received.map(({ topic, payload, omittedBytes, qos, retain }) =>
        [topic, payload.length, omittedBytes, qos, retain] as const
      );
      assertEquals(summaries.sort(([one], [other]) => one.localeCompare(other)), [
        ["t/huge", 0, huge, 1, true],
        ["t/huge", 0, huge, 0, false],
        ["t/huge", 0, huge, 1, false],
        ["t/huge", 0, huge, 2, false],
        ["t/last", 0, undefined, 1, false],
        ["t/small", 4, undefined, 1, true],
      ]);
      await close(connection);
    });
    // An MQTT 5 broker has the limit from CONNECT, and sends no such message.
    const { connection, received } = await listen(broker, "t/#");
    await device.publish({ topic: "t/last", payload: "", qos: 1, retain: false }).acknowledged;
    await until("the small ones", () => received.length === 2);
    assert(received.every(({ omittedBytes }) => omittedBytes === undefined));
    await Promise.all([close(connection), close(device)]);
    await broker.stop();
  },
);

Deno.test("connect() sends the maximum packet size to an MQTT 5 broker", async () => {
  let connectBody: Uint8Array | undefined;
  await withScriptedBroker((packet) => {
    if (packet.type !== CONNECT) return undefined;
    connectBody = packet.body;
    return CONNACK[versionOf(packet) === 5 ? 5 : 4];
  }, async (address) => {
    const connection = await connect(address, { signal: never });
    // Property 0x27, Maximum Packet Size (MQTT 5, section 3.1.2.11.4), follows name, version, flags and keep-alive.
    const properties = new DataView(connectBody?.slice(10).buffer ?? new ArrayBuffer(0));
    assertEquals([properties.getUint8(1), properties.getUint32(2)], [0x27, MAX_PAYLOAD_BYTES + 128 * 1024]);
    await close(connection);
  });
});
