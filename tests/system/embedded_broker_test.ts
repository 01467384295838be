/** Large messages through the gateway with its embedded broker, to and from another MQTT client. */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { connectAsync } from "mqtt";
import { until, within } from "../support/deadline.ts";
import { freePort } from "../support/loopback.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

Deno.test("messages of 1 and 8 MiB pass the embedded broker in both directions at each quality of service", async () => {
  const port = freePort();
  const gateway = await startGatewayProcess({
    MQTT_BROKER_PORT: String(port),
    MAX_BODY_BYTES: String(32 * 2 ** 20),
    RATE_LIMITS: "off",
  });
  const program = await connectAsync(`mqtt://127.0.0.1:${port}`);
  try {
    const received: number[] = [];
    program.on("message", (_topic, payload) => void received.push(payload.length));
    await program.subscribeAsync("out", { qos: 2 });
    const connected = Promise.withResolvers<void>();
    const events: number[] = [];
    const listening = (async () => {
      for await (const event of gateway.client.subscribe(["in"], { qos: 2, resume: false })) {
        if (event.type === "connected") connected.resolve();
        if (event.type === "message" && typeof event.payload === "string") events.push(event.payload.length);
        if (events.length === 6) return;
      }
    })();
    await within("connecting", connected.promise);
    const sizes = [2 ** 20, 8 * 2 ** 20];
    for (const qos of [0, 1, 2] as const) {
      for (const size of sizes) {
        // Bytes that are not UTF-8 are published to the client, text to the gateway.
        const answer = await gateway.client.publish("out", new Uint8Array(size).fill(0xff), { qos });
        assertEquals(answer.status, 200);
        await until("the message at the MQTT client", () => received.at(-1) === size);
        await program.publishAsync("in", Buffer.alloc(size, "x"), { qos });
        await until("the message at the listener", () => events.at(-1) === size);
      }
    }
    await within("the listener", listening);
    assertEquals([received, events], [[...sizes, ...sizes, ...sizes], [...sizes, ...sizes, ...sizes]]);
  } finally {
    await program.endAsync(true);
    await gateway.stop();
  }
});
