import { assertEquals } from "@std/assert";
import { BrokerError, type BrokerMessage } from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import { until, within } from "../support/deadline.ts";
import {
  afterLastTimer,
  close,
  CONNECT,
  DISCONNECT,
  type Packet,
  SUBSCRIBE,
  versionOf,
  withScriptedBroker,
} from "../support/scripted_broker.ts";

/** Packet types of acknowledgements. */
const [PUBACK, PUBCOMP] = [4, 7];

const connect = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;
const session = { clientId: "gateway", expirySeconds: 120, receiveMaximum: 64 };

/** CONNACK of a session that the broker has kept. */
const SESSION_PRESENT = { 5: [0x20, 3, 1, 0, 0], 4: [0x20, 2, 1, 0] };

/** PUBLISH of QoS 1 on topic "a" with payload "x", sent again. */
const publishAgain = (
  version: 4 | 5,
  id: number,
) => [0x3a, version === 5 ? 7 : 6, 0, 1, 97, 0, id, ...version === 5 ? [0] : [], 120];

for (const version of [5, 4] as const) {
  Deno.test(`a session continues under its client identifier, with MQTT ${version === 5 ? "5" : "3.1.1"}`, async () => {
    const packets: Packet[] = [];
    const received: BrokerMessage[] = [];
    await withScriptedBroker((packet) => {
      if (packet.type !== CONNECT) return void packets.push(packet);
      if (versionOf(packet) !== version) return "close";
      packets.push(packet);
      return [
        ...SESSION_PRESENT[version],
        ...publishAgain(version, 7),
        0x30,
        version === 5 ? 5 : 4,
        0,
        1,
        98,
        ...version === 5 ? [0] : [],
        121,
      ];
    }, async (address) => {
      const connection = await connect(address, {
        signal: never,
        session,
        onMessage: (message) => void received.push(message),
      });
      assertEquals(connection.sessionPresent, true);
      await until("both messages and the acknowledgement", () => received.length === 2 && packets.length === 2);
      await close(connection);
      await until("DISCONNECT", () => packets.length === 3);
    });
    assertEquals(received.map(({ packetId, isDuplicate }) => [packetId, isDuplicate]), [[7, true], [undefined, false]]);
    const [{ body: connectBody } = { body: new Uint8Array() }, puback, disconnect] = packets;
    // Neither a clean start, nor a clean session.
    assertEquals((connectBody[7] ?? 0) & 0b10, 0);
    assertEquals(new TextDecoder().decode(connectBody.slice(-7)), "gateway");
    if (version === 5) {
      const properties = [...connectBody.slice(11, 11 + (connectBody[10] ?? 0))];
      assertEquals(properties.join().includes("17,0,0,0,120"), true);
      assertEquals(properties.join().includes("33,0,64"), true);
    }
    assertEquals([puback?.type, [...puback?.body.slice(0, 2) ?? []]], [PUBACK, [0, 7]]);
    // Without properties: the session's expiry stays as it is.
    assertEquals([disconnect?.type, [...disconnect?.body ?? []]], [DISCONNECT, version === 5 ? [0, 0] : []]);
  });
}

Deno.test("neither a message that is not taken nor any after it is acknowledged, and the connection closes", async () => {
  const packets: Packet[] = [];
  await withScriptedBroker((packet) => {
    packets.push(packet);
    return packet.type === CONNECT ? [...SESSION_PRESENT[5], ...publishAgain(5, 1), ...publishAgain(5, 2)] : undefined;
  }, async (address) => {
    const connection = await connect(address, {
      signal: never,
      session,
      onMessage: ({ packetId }) => packetId === 1 ? Promise.reject(new BrokerError("The log is away")) : undefined,
    });
    assertEquals((await within("the end", connection.closed)).message, "The log is away");
    await close(connection);
  });
  assertEquals(packets.map(({ type }) => type), [CONNECT]);
  await afterLastTimer();
});

for (const receiveMaximum of [1, 2]) {
  Deno.test(`messages are acknowledged in order, and up to ${receiveMaximum} received meanwhile`, async () => {
    const packets: Packet[] = [];
    const taken = new Map<unknown, PromiseWithResolvers<void>>();
    await withScriptedBroker((packet) => {
      packets.push(packet);
      if (packet.type !== CONNECT) return undefined;
      return [...SESSION_PRESENT[5], ...[1, 2, 3].flatMap((id) => publishAgain(5, id))];
    }, async (address) => {
      const connection = await connect(address, {
        signal: never,
        session: { ...session, receiveMaximum },
        onMessage({ packetId }) {
          taken.set(packetId, Promise.withResolvers());
          return taken.get(packetId)?.promise;
        },
      });
      await until("the first messages", () => taken.size === receiveMaximum);
      // The second message is taken before the first.
      taken.get(2)?.resolve();
      await afterLastTimer();
      assertEquals([taken.size, packets.length], [receiveMaximum, 1]);
      for (const id of [1, 2, 3]) {
        await until("the message", () => taken.has(id));
        taken.get(id)?.resolve();
      }
      await until("all acknowledgements", () => packets.length === 4);
      assertEquals(packets.slice(1).map(({ type, body }) => [type, body[1]]), [[PUBACK, 1], [PUBACK, 2], [PUBACK, 3]]);
      await close(connection);
    });
  });
}

Deno.test("PUBREL for a message of an earlier connection is answered", async () => {
  const packets: Packet[] = [];
  await withScriptedBroker((packet) => {
    packets.push(packet);
    return packet.type === CONNECT ? [...SESSION_PRESENT[5], 0x62, 2, 0, 9] : undefined;
  }, async (address) => {
    const connection = await connect(address, { signal: never, session });
    await until("PUBCOMP", () => packets.length === 2);
    assertEquals([packets[1]?.type, [...packets[1]?.body.slice(0, 2) ?? []]], [PUBCOMP, [0, 9]]);
    await close(connection);
  });
});

Deno.test("subscribe() requests no retained messages if told so, with and without identifiers", async () => {
  for (const properties of [[], [41, 0]]) {
    const packets: Packet[] = [];
    await withScriptedBroker((packet) => {
      if (packet.type === CONNECT) return [0x20, 3 + properties.length, 0, 0, properties.length, ...properties];
      if (packet.type !== SUBSCRIBE) return undefined;
      packets.push(packet);
      const [high = 0, low = 0] = packet.body;
      return [0x90, 4, high, low, 0, 1];
    }, async (address) => {
      const connection = await connect(address, { signal: never, session });
      assertEquals(await connection.subscribe([{ filter: "a", qos: 1, id: 1, retained: "never" }]), []);
      assertEquals(await connection.subscribe([{ filter: "b", qos: 1, id: 2 }]), []);
      // Retain handling is in bits 4 and 5 of the options.
      assertEquals(packets.map(({ body }) => body.at(-1)), [0b10_0001, 1]);
      await close(connection);
    });
  }
});
