import { assert, assertEquals, assertRejects } from "@std/assert";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { type BrokerAddress, BrokerError, BrokerForbiddenError, type BrokerMessage } from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connection.ts";
import { until, within } from "../deadline.ts";
import { freePort, withTcpServer } from "../loopback.ts";

const connect = createConnectBroker({ keepAliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;

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
  await connection.publish({ topic: "a/kept", payload: "old", qos: 1, retain: true });
  await connection.subscribe(["a/#"], 1);
  for (let count = 0; count < 50; count++) {
    await connection.publish({ topic: "a/live", payload: String(count), qos: 1, retain: true });
  }
  await until("all messages", () => received.length === 51);
  const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
  assertEquals(received.map(({ payload }) => text(payload)), ["old", ...Array.from({ length: 50 }, (_, n) => `${n}`)]);
  assertEquals(received.map(({ retain }) => retain), [true, ...Array(50).fill(false)]);
  await connection.close();
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
  await connection.subscribe(["a"], 0);
  for (const payload of ["1", "2", "3"]) await sender.publish({ topic: "a", payload, qos: 1, retain: false });
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
  await assertRejects(
    () => connection.publish({ topic: "a", payload: "x", qos: 1, retain: false }),
    BrokerError,
    "closed the connection",
  );
  await connection.close();
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
