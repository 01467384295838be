/** Rules of alerts in two real gateways with one state database. */
import { assertEquals } from "@std/assert";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { until } from "../support/deadline.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";

Deno.test("a gateway shows the queue of push messages in its metrics, unless PUSH is off", async () => {
  for (const [push, isShown] of [["on", true], ["off", false]] as const) {
    const gateway = await startGatewayProcess({ PUSH: push });
    try {
      const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
      assertEquals(["push_queue ", "push_oldest_seconds "].map((name) => metrics.includes(`e2e_gateway_${name}`)), [
        isShown,
        isShown,
      ]);
    } finally {
      await gateway.stop();
    }
  }
});

Deno.test("of two gateways with one state database one alerts, and the other once that one is killed", async () => {
  const broker = await startEmbeddedBroker(0);
  const env = { MQTT_BROKER_HOST: "127.0.0.1", MQTT_BROKER_PORT: String(broker.port), ...UNLIMITED };
  const directory = await Deno.makeTempDir();
  const gateways: GatewayProcess[] = [];
  try {
    const start = async () => {
      const gateway = await startGatewayProcess(env, { directory });
      gateways.push(gateway);
      return gateway;
    };
    const first = await start();
    await first.client.pushSetRule({
      ...{ name: "door", source: { topics: ["home/door"] }, condition: { type: "any" }, title: "{value}" },
    });
    const second = await start();
    const alerts = async () => (await second.client.pushAlerts()).map(({ title }) => title);
    const sent: string[] = [];
    /** Publishes until a message of this name makes an alert: a listener may not be ready yet. */
    const alertedBy = (name: string) =>
      until(`an alert of ${name}`, async () => {
        const text = `${name} ${sent.length}`;
        sent.push(text);
        await second.client.publish("home/door", text);
        return (await alerts()).some((title) => title.startsWith(name));
      });
    await alertedBy("first");
    // By now, a second alert of the first message would be there.
    await alertedBy("again");
    await first.stop("SIGKILL");
    await alertedBy("second");
    const found = await alerts();
    assertEquals(found, sent.filter((text) => found.includes(text)), "each once, in their order");
  } finally {
    for (const gateway of gateways) await gateway.stop("SIGKILL");
    await broker.close();
    await Deno.remove(directory, { recursive: true });
  }
});
