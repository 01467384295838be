import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { HealthTopic, OFFLINE, publishOnce } from "../../src/doctor/health_topic.ts";
import type { BrokerAddress, BrokerConnection } from "../../src/mqtt/broker.ts";
import { BrokerError } from "../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../src/mqtt/connect.ts";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { close } from "../support/scripted_broker.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";

const connect = createConnectBroker({ keepaliveSeconds: 20, addressFault: () => undefined });
const never = new AbortController().signal;
const topic = "e2e-gateway/health";

/** Subscribes to the topic, and runs a test with the received messages. */
async function following(
  address: BrokerAddress,
  test: (states: string[], listener: BrokerConnection) => Promise<void>,
): Promise<void> {
  const states: string[] = [];
  const listener = await connect(address, {
    signal: never,
    onMessage({ payload }) {
      states.push(new TextDecoder().decode(payload));
      return undefined;
    },
  });
  await listener.subscribe([{ filter: topic, qos: 1, id: 1 }]);
  try {
    await test(states, listener);
  } finally {
    await close(listener);
  }
}

async function withBroker(test: (address: BrokerAddress) => Promise<void>): Promise<void> {
  const broker = await startEmbeddedBroker(0);
  try {
    await test({ host: broker.host, port: broker.port });
  } finally {
    await broker.close();
  }
}

Deno.test("publishOnce() retains the state, and sets no will", () =>
  withBroker(async (address) => {
    await publishOnce("first", { connect, address, topic });
    await following(address, async (states) => {
      await until("the retained state", () => states.length === 1);
      await publishOnce("second", { connect, address, topic });
      await publishOnce("third", { connect, address, topic });
      await until("the last state", () => states.at(-1) === "third");
      assertEquals(states, ["first", "second", "third"]);
    });
  }));

Deno.test("publishOnce() throws when the broker is unreachable", async () => {
  const address = { host: "127.0.0.1", port: freePort() };
  const { message } = await assertRejects(() => publishOnce("x", { connect, address, topic }), BrokerError);
  assertStringIncludes(message, "nothing listens there");
});

Deno.test("HealthTopic publishes, reconnects when its connection breaks, and publishes offline at its end", () =>
  withBroker((address) =>
    following(address, async (states) => {
      const proxy = await startToxicProxy(address.port);
      const faults: string[] = [];
      const health = new HealthTopic({
        connect,
        address: { host: "127.0.0.1", port: proxy.port },
        topic,
        random: () => 0,
        onError: (message) => void faults.push(message),
      });
      try {
        await health.publish("one");
        await until("the first state", () => states.includes("one"));
        await health.publish("two");
        await until("the second state", () => states.at(-1) === "two");
        proxy.cut();
        await until("the will", () => states.includes(OFFLINE));
        await until("the state after the break", () => states.at(-1) === "two");
        assertEquals(faults.length, 1);
        await within("close()", health.close());
        await until("offline", () => states.at(-1) === OFFLINE);
      } finally {
        await proxy.close();
      }
    })
  ));

Deno.test("HealthTopic waits for a broker, reports each reason once, and closes at once", async () => {
  const port = freePort();
  const faults: string[] = [];
  const health = new HealthTopic({
    connect,
    address: { host: "127.0.0.1", port },
    topic,
    random: () => 0,
    onError: (message) => void faults.push(message),
  });
  await health.publish("early");
  await until("a fault", () => faults.length === 1);
  const broker = await startEmbeddedBroker(port);
  try {
    await following(broker, async (states) => {
      await until("the state that waited", () => states.includes("early"));
      await within("close()", health.close());
    });
  } finally {
    await broker.close();
  }
  assertEquals(faults.length, 1);
});
