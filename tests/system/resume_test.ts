/** Listeners with breaking connections, and with brokers that restart, against the real process. */
import { assert, assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { startEmbeddedBroker } from "../../src/demo/embedded_broker.ts";
import { freePort } from "../support/loopback.ts";
import { within } from "../support/deadline.ts";
import { startBroker } from "../support/broker.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { nextEvent } from "../support/next_event.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";

async function withGateway(
  { host, port }: { readonly host: string; readonly port: number },
  test: (gateway: GatewayProcess) => Promise<void>,
): Promise<void> {
  const gateway = await startGatewayProcess({ MQTT_BROKER_HOST: host, MQTT_BROKER_PORT: String(port), ...UNLIMITED });
  try {
    await within("the test", test(gateway), 120_000);
  } finally {
    await gateway.stop();
  }
}

const payloadOf = (event: StreamEvent) => event.type === "message" ? event.payload : undefined;

Deno.test("a client whose connection breaks repeatedly gets every message once and in order", async () => {
  const broker = await startBroker();
  await withGateway(broker, async ({ url, key, client }) => {
    const proxy = await startToxicProxy(Number(new URL(url).port));
    const phone = new GatewayClient({ url: `http://127.0.0.1:${proxy.port}`, key, random: () => 0 });
    const controller = new AbortController();
    const expected = Array.from({ length: 400 }, (_, index) => String(index));
    const received: (string | null)[] = [];
    const seen = new Map<string, number>();
    let publishing: Promise<void> | undefined;
    for await (const event of phone.subscribe(["home/#", "+/n"], { signal: controller.signal })) {
      seen.set(event.type, (seen.get(event.type) ?? 0) + 1);
      publishing ??= (async () => {
        for (const [index, payload] of expected.entries()) {
          await client.publish("home/n", payload, { qos: 1 });
          if (index % 100 === 50) proxy.cut();
        }
      })();
      if (event.type !== "message") continue;
      received.push(event.payload);
      if (event.payload === expected.at(-1)) break;
    }
    await publishing;
    controller.abort();
    assertEquals(received, expected);
    assertEquals(seen.get("gap"), undefined);
    assert((seen.get("disconnected") ?? 0) >= 1 && proxy.connections >= 2, "The connection never broke");
    await proxy.close();
  });
  await broker.stop();
});

Deno.test("a broker that is killed and restarted causes offline and online events for listeners with keep", async () => {
  const port = freePort();
  let broker = await startBroker(["allow_anonymous true"], port);
  await withGateway(broker, async ({ client }) => {
    const controller = new AbortController();
    const keeper = client.subscribe(["t"], { keep: true, signal: controller.signal });
    const other = client.subscribe(["t"], { resume: false });
    await nextEvent(keeper, "connected");
    await nextEvent(other, "connected");
    await broker.stop("SIGKILL");
    await nextEvent(other, "disconnected");
    assertEquals((await other.next()).done, true);
    await nextEvent(keeper, "offline");
    broker = await startBroker(["allow_anonymous true"], port);
    await nextEvent(keeper, "online");
    const gap = await nextEvent(keeper, "gap");
    assert(gap.type === "gap" && gap.epoch !== undefined && gap.offset !== undefined);
    assertEquals((await client.publish("t", "again", { qos: 1 })).status, 200);
    assertEquals(payloadOf(await nextEvent(keeper, "message")), "again");
    controller.abort();
    await keeper.return();
  });
  await broker.stop();
});

for (const version of ["5", "3.1.1"]) {
  Deno.test(`MQTT ${version}: each listener gets retained messages once, and then each new message once`, async () => {
    // The embedded broker has MQTT 3.1.1 only. Without Mosquitto it is used for both.
    const embedded = version === "3.1.1" ? await startEmbeddedBroker(0) : undefined;
    const broker = embedded === undefined ? await startBroker() : { ...embedded, stop: embedded.close };
    await withGateway(broker, async ({ client }) => {
      const controller = new AbortController();
      await client.publish("home/kept", "old", { qos: 1, retain: true });
      const listen = (filters: string[]) => client.subscribe(filters, { qos: 1, signal: controller.signal });
      const first = listen(["home/#", "home/+", "+/kept"]);
      const second = listen(["home/+"]);
      const third = listen(["home/+"]);
      for (const stream of [first, second, third]) {
        await nextEvent(stream, "connected");
        const kept = await nextEvent(stream, "message");
        assert(kept.type === "message" && kept.payload === "old" && kept.retain, JSON.stringify(kept));
      }
      await client.publish("home/kept", "new", { qos: 1, retain: true });
      await client.publish("home/last", "end", { qos: 1 });
      for (const stream of [first, second, third]) {
        const live = await nextEvent(stream, "message");
        assert(live.type === "message" && live.payload === "new" && !live.retain, JSON.stringify(live));
        assertEquals(payloadOf(await nextEvent(stream, "message")), "end");
      }
      controller.abort();
      for (const stream of [first, second, third]) await stream.return();
    });
    await broker.stop();
  });
}
