/** A retained message that is far larger than the memory of the gateway. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { connectAsync } from "mqtt";
import type { BrokerAddress } from "../../src/mqtt/broker.ts";
import { within } from "../support/deadline.ts";
import { withMqtt3Proxy } from "../support/mqtt3_proxy.ts";
import { IS_LINUX, needing } from "../support/needs.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";

const HUGE_BYTES = 100 * 2 ** 20;

/**
 * Memory limit: a complete read takes five times the size of the message; reading and discarding it takes some 200 MB of
 * socket buffers, however often it is sent.
 */
const MAX_GROWTH_KB = 256 * 1024;

/** Returns the peak memory of a process, in kilobytes. */
async function peakKb({ pid }: GatewayProcess): Promise<number> {
  return Number(/VmHWM:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1]);
}

/** Subscribes several times; each time, a small message follows the large one. */
async function subscribeRepeatedly({ client }: GatewayProcess): Promise<string[]> {
  const notices: string[] = [];
  for (let round = 0; round < 4; round++) {
    for await (const event of client.subscribe(["d/#"], { resume: false })) {
      if (event.type === "gap") notices.push(event.message);
      if (event.type === "message" && event.topic === "d/small") break;
    }
  }
  return notices;
}

Deno.test(
  needing("a huge retained message is not read with any MQTT version, and listeners continue", {
    mosquitto: MOSQUITTO,
    Linux: IS_LINUX,
  }),
  async () => {
    const broker = await startBroker();
    const device = await connectAsync(`mqtt://${broker.host}:${broker.port}`);
    await device.publishAsync("d/huge", Buffer.alloc(HUGE_BYTES, "x"), { retain: true, qos: 1 });
    await device.publishAsync("d/small", "kept", { retain: true, qos: 1 });
    const run = async ({ host, port }: BrokerAddress) => {
      const gateway = await startGatewayProcess({ MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(port) });
      try {
        const before = await peakKb(gateway);
        const notices = await within("the streams", subscribeRepeatedly(gateway), 60_000);
        const growth = await peakKb(gateway) - before;
        assert(growth < MAX_GROWTH_KB, `grew by ${growth} KB`);
        return notices;
      } finally {
        await gateway.stop();
      }
    };
    try {
      // An MQTT 5 broker received the maximum packet size of the gateway.
      assertEquals(await run(broker), []);
      await withMqtt3Proxy(broker, async (address) => {
        assertEquals(await run(address), Array(4).fill("Message on d/huge is larger than 8388608 bytes: left out"));
      });
    } finally {
      await device.endAsync(true);
      await broker.stop();
    }
  },
);
