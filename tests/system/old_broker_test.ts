/** Mosquitto with MQTT 3.1.1 only, which has no receive maximum. */
import { assertEquals } from "@std/assert";
import { connectAsync } from "mqtt";
import { until } from "../support/deadline.ts";
import { withMqtt3Proxy } from "../support/mqtt3_proxy.ts";
import { needing } from "../support/needs.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

Deno.test(
  needing("each acknowledged message of a burst with QoS 2 arrives at a broker of MQTT 3.1.1", {
    mosquitto: MOSQUITTO,
  }),
  async () => {
    const broker = await startBroker();
    const device = await connectAsync(`mqtt://${broker.host}:${broker.port}`);
    const arrived: string[] = [];
    device.on("message", (_topic, payload) => arrived.push(payload.toString()));
    await device.subscribeAsync("burst", { qos: 0 });
    try {
      await withMqtt3Proxy(broker, async ({ host, port }) => {
        const gateway = await startGatewayProcess({ MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(port) });
        try {
          const sent = Array.from({ length: 55 }, (_, index) => String(index));
          const answers = await Promise.all(sent.map((text) => gateway.client.publish("burst", text, { qos: 2 })));
          assertEquals(answers.filter(({ status }) => status !== 200), []);
          await until("all have arrived", () => arrived.length >= sent.length);
          assertEquals(arrived.toSorted(), sent.toSorted());
        } finally {
          await gateway.stop();
        }
      });
    } finally {
      await device.endAsync(true);
      await broker.stop();
    }
  },
);
