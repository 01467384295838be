/** Transports: TLS with certificates on both sides, WebSockets, and streams within the process. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectAsync } from "mqtt";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { BROKER_CHECK } from "../../src/services/mqtt/doctor.ts";
import { type BrokerAddress, BrokerError } from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import { makeContext, NEVER_ABORTED } from "../support/doctor_context.ts";
import { needing } from "../support/needs.ts";
import { afterLastTimer } from "../support/scripted_broker.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { MOSQUITTO, startBroker, untilListening } from "../support/broker.ts";
import { HAS_OPENSSL, makeCertificate } from "../support/certificate.ts";
import { inTempDir } from "../support/temp_dir.ts";

const connect = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;

/** Publishes a message and receives it. */
async function roundTrip(address: BrokerAddress): Promise<void> {
  const received: string[] = [];
  const connection = await within(
    "connecting",
    connect(address, {
      signal: never,
      onMessage({ payload }) {
        received.push(new TextDecoder().decode(payload));
        return undefined;
      },
    }),
  );
  await connection.subscribe([{ filter: "t", qos: 1, id: 1 }]);
  await connection.publish({ topic: "t", payload: "there and back", qos: 1, retain: false }).acknowledged;
  await until("the message", () => received.length === 1);
  assertEquals(received, ["there and back"]);
  await connection.close();
  await afterLastTimer();
}

Deno.test({
  ...needing("connect() uses TLS with a client certificate, and WebSockets with and without it", {
    mosquitto: MOSQUITTO,
    openssl: HAS_OPENSSL,
  }),
  // The WebSocket library leaves timers running for a moment.
  sanitizeOps: false,
  sanitizeResources: false,
}, () =>
  inTempDir(async (directory) => {
    await makeCertificate(directory);
    const [mqtts, ws, wss] = [freePort(), freePort(), freePort()];
    const [certfile, keyfile] = [`${directory}/cert.pem`, `${directory}/key.pem`];
    const secured = [`certfile ${certfile}`, `keyfile ${keyfile}`, `cafile ${certfile}`, "require_certificate true"];
    const broker = await startBroker([
      "allow_anonymous true",
      ...[`listener ${mqtts} 127.0.0.1`, ...secured],
      ...[`listener ${ws} 127.0.0.1`, "protocol websockets"],
      ...[`listener ${wss} 127.0.0.1`, "protocol websockets", ...secured],
    ]);
    for (const port of [mqtts, ws, wss]) await untilListening(port);
    const [cert, key] = await Promise.all([Deno.readTextFile(certfile), Deno.readTextFile(keyfile)]);
    const tls = { ca: cert, cert, key };
    await roundTrip({ host: "localhost", port: mqtts, tls });
    await roundTrip({ host: "localhost", port: ws, webSocketPath: "/mqtt" });
    await roundTrip({ host: "localhost", port: wss, webSocketPath: "/mqtt", tls });
    for (const [port, webSocketPath] of [[mqtts, undefined], [wss, "/mqtt"]] as const) {
      const address = { host: "localhost", port, webSocketPath, tls: { ca: cert } };
      await assertRejects(() => within("failing", connect(address, { signal: never })), BrokerError, "Certificate");
      const { message, remedy } = await within(
        "the check",
        BROKER_CHECK.run(
          makeContext({
            env: { MQTT_BROKER_HOST: "localhost", MQTT_PROTOCOL: webSocketPath === undefined ? "mqtts" : "wss" },
            brokerAddress: () => Promise.resolve(address),
            connectBroker: connect,
          }),
          NEVER_ABORTED,
        ),
      );
      assert(remedy?.startsWith("Set MQTT_CERT_FILE and MQTT_KEY_FILE"), `${message} ${remedy}`);
    }
    await broker.stop();
  }));

Deno.test(
  needing("client identifiers begin with the prefix of the address, and differ", { mosquitto: MOSQUITTO }),
  async () => {
    // The broker accepts only clients with this prefix.
    const broker = await startBroker(["allow_anonymous true", "clientid_prefixes home-gateway"]);
    const address = { host: broker.host, port: broker.port, clientIdPrefix: "home-gateway" };
    const connections = [await connect(address, { signal: never }), await connect(address, { signal: never })];
    // With the same identifier, the second connection would have closed the first.
    for (const connection of connections) {
      await connection.publish({ topic: "t", payload: "", qos: 1, retain: false }).acknowledged;
    }
    await Promise.all(connections.map((connection) => connection.close()));
    await broker.stop();
    await afterLastTimer();
  },
);

Deno.test("large messages and bursts pass through the embedded broker, in process and on its port", async () => {
  const broker = await startEmbeddedBroker(0);
  const port = { host: broker.host, port: broker.port };
  const inside = { ...port, open: broker.openStream };
  for (const [from, to] of [[inside, port], [port, inside]] as const) {
    const received: number[] = [];
    const receiver = await connect(to, {
      signal: never,
      onMessage({ payload }) {
        received.push(payload.length);
        return undefined;
      },
    });
    await receiver.subscribe([{ filter: "t", qos: 2, id: 1 }]);
    const sender = await connect(from, { signal: never });
    const send = async (sizes: readonly number[], qos: 0 | 1 | 2) => {
      received.length = 0;
      const sent = sizes.map((size) =>
        sender.publish({ topic: "t", payload: new Uint8Array(size), qos, retain: false }).acknowledged
      );
      await within("acknowledging", Promise.all(sent));
      await until("all of them", () => received.length === sizes.length);
      assertEquals(received, [...sizes]);
    };
    for (const qos of [0, 1, 2] as const) {
      await send([2 ** 20, 8 * 2 ** 20], qos);
      await send(Array(30).fill(300_000), qos);
    }
    await send(Array(1500).fill(10), 2);
    await Promise.all([sender.close(), receiver.close()]);
  }
  // Another client without flow control: aedes would close its connection beyond 1,000 at a time.
  const program = await connectAsync(`mqtt://${broker.host}:${broker.port}`, { reconnectPeriod: 0 });
  const sent = Array.from({ length: 1500 }, (_, index) => program.publishAsync("t", `${index}`, { qos: 2 }));
  await within("acknowledging", Promise.all(sent));
  await program.endAsync();
  await broker.close();
  await afterLastTimer();
});

Deno.test("the embedded broker frees an in-process client that disconnects, and the client frees the broker", async () => {
  const broker = await startEmbeddedBroker(0);
  const address = { host: broker.host, port: broker.port, open: broker.openStream };
  const [watcher, closing] = [await connect(address, { signal: never }), await connect(address, { signal: never })];
  await closing.close();
  await broker.close();
  assertEquals(
    (await within("the end of the connection", watcher.closed)).message,
    `Broker 127.0.0.1:${broker.port} closed the connection`,
  );
  await afterLastTimer();
});

Deno.test("connect() reports a server without a WebSocket at that path, and the doctor has a remedy", {
  // The WebSocket library leaves timers running for a moment.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("", { status: 404 }),
  );
  const address = { host: "127.0.0.1", port: server.addr.port, webSocketPath: "/elsewhere" };
  const context = makeContext({
    env: { MQTT_BROKER_HOST: "127.0.0.1", MQTT_PROTOCOL: "ws" },
    brokerAddress: () => Promise.resolve(address),
    connectBroker: connect,
  });
  const { message, remedy } = await within("the check", BROKER_CHECK.run(context, NEVER_ABORTED));
  assert(message.endsWith("Unexpected server response: 404"), message);
  assert(remedy?.startsWith("Set MQTT_PATH"), remedy);
  await server.shutdown();
});
