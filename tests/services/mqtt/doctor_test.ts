import { assertEquals, assertStringIncludes } from "@std/assert";
import { BROKER_CHECK } from "../../../src/services/mqtt/doctor.ts";
import { startEmbeddedBroker } from "../../../src/demo/embedded_broker.ts";
import { type BrokerAddress, BrokerForbiddenError } from "../../../src/mqtt/broker.ts";
import { createConnectBroker } from "../../../src/mqtt/connect.ts";
import { addressFault } from "../../../src/net/egress.ts";
import { within } from "../../support/deadline.ts";
import { withTcpServer } from "../../support/loopback.ts";
import { afterLastTimer, CONNACK, CONNECT, UNSUBSCRIBE, withScriptedBroker } from "../../support/scripted_broker.ts";
import { makeContext, NEVER_ABORTED } from "../../support/doctor_context.ts";

const PASSWORD = "a secret password";

async function runCheck(address: BrokerAddress, { signal = NEVER_ABORTED, env = {} }: {
  readonly signal?: AbortSignal;
  readonly env?: Record<string, string>;
} = {}) {
  const context = makeContext({
    env: { MQTT_BROKER_HOST: address.host, MQTT_BROKER_PORT: String(address.port), ...env },
    brokerAddress: () => Promise.resolve({ ...address, username: "house", password: PASSWORD }),
    connectBroker: createConnectBroker({ keepaliveSeconds: 20, addressFault }),
  });
  const finding = await within("the check", BROKER_CHECK.run(context, signal));
  await afterLastTimer();
  return finding;
}

Deno.test("broker is ok when the broker accepts the gateway and answers", async () => {
  const broker = await startEmbeddedBroker(0);
  try {
    const { status, message } = await runCheck(broker);
    assertEquals([status, /accepts the gateway as "house", round trip \d+ ms$/.test(message)], ["ok", true], message);
  } finally {
    await broker.close();
  }
});

Deno.test("broker reports why the broker refused it, with the remedy", async () => {
  const refusal = (code: number) => [0x20, 3, 0, code, 0];
  for (
    const [code, message, remedy] of [
      [134, "refused the user name or password", "MQTT_USERNAME and MQTT_PASSWORD"],
      [135, "refused the user name or password", "MQTT_USERNAME and MQTT_PASSWORD"],
      [136, "is not available", "the broker's log"],
      [138, "has banned this client", "the broker's log"],
    ] as const
  ) {
    await withScriptedBroker(({ type }) => type === CONNECT ? refusal(code) : undefined, async (address) => {
      const found = await runCheck(address);
      assertEquals(found.status, "failed");
      assertStringIncludes(found.message, message);
      assertStringIncludes(found.remedy ?? "", remedy);
      assertEquals(JSON.stringify(found).includes(PASSWORD), false);
    });
  }
});

Deno.test("broker suggests other protocols when the broker closes the connection", async () => {
  for (
    const [given, tls, webSocket] of [
      [{}, "needs TLS: then MQTT_TLS=true", "has a WebSocket at that port: then MQTT_PROTOCOL=ws"],
      [{ MQTT_PROTOCOL: "mqtts" }, "has no TLS: then MQTT_PROTOCOL=mqtt", "then MQTT_PROTOCOL=wss"],
      [
        { MQTT_PROTOCOL: "ws" },
        "needs TLS: then MQTT_PROTOCOL=wss",
        "has no WebSocket at that port: then MQTT_PROTOCOL=mqtt",
      ],
    ] as const
  ) {
    await withScriptedBroker(() => "close", async (address) => {
      const { status, remedy = "" } = await runCheck(address, { env: given });
      assertEquals(status, "failed");
      assertStringIncludes(remedy, tls);
      assertStringIncludes(remedy, webSocket);
    });
  }
});

Deno.test("broker reports a broker that does not answer, at once or after CONNACK", async () => {
  await withTcpServer(() => {}, async (port) => {
    const stop = new AbortController();
    const running = runCheck({ host: "127.0.0.1", port }, { signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    assertStringIncludes((await running).message, "did not answer within 5 s");
  });
  const stop = new AbortController();
  await withScriptedBroker(({ type }) => {
    if (type === UNSUBSCRIBE) stop.abort();
    return type === CONNECT ? CONNACK[5] : undefined;
  }, async (address) => {
    assertStringIncludes((await runCheck(address, { signal: stop.signal })).message, "did not answer within 5 s");
  });
});

Deno.test("broker reports a forbidden address, and a CA file that cannot be read", async () => {
  const forbidden = makeContext({
    env: { MQTT_BROKER_HOST: "broker" },
    connectBroker: () => Promise.reject(new BrokerForbiddenError("Broker not allowed: broker:1883 leads elsewhere")),
  });
  assertStringIncludes((await BROKER_CHECK.run(forbidden, NEVER_ABORTED)).remedy ?? "", "Fix MQTT_BROKER_HOST");
  const context = makeContext({
    env: { MQTT_BROKER_HOST: "broker", MQTT_TLS: "true", MQTT_CA_FILE: "ca.pem" },
    brokerAddress: () => Promise.reject(new Error('MQTT_CA_FILE "ca.pem" cannot be read: not found')),
  });
  assertStringIncludes(
    (await BROKER_CHECK.run(context, NEVER_ABORTED)).message,
    'MQTT_CA_FILE "ca.pem" cannot be read',
  );
});

Deno.test("broker does not start the embedded broker", async () => {
  const found = await BROKER_CHECK.run(
    makeContext({ brokerAddress: () => Promise.reject(new Error("It was asked for")) }),
    NEVER_ABORTED,
  );
  assertEquals([found.status, found.message.startsWith("Embedded in the gateway")], ["ok", true]);
});
