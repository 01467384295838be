/**
 * Listener with a slow connection: run by `slow_link_test.ts` in a network namespace with small socket buffers, because
 * the default ones hold more than is sent here.
 */
import { assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { within } from "../support/deadline.ts";
import { UNLIMITED } from "../support/gateway_process.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";
import { withEnvironment } from "../support/environment.ts";

const BYTES_PER_SECOND = 400_000;

/** Topics of large messages. Each takes 2 s, twice the stall timeout; the first two fill the buffers. */
const LARGE = [1, 2, 3, 4, 5].map((index) => `large/${index}`);
const SMALL = Array.from({ length: 20 }, (_, index) => `small/${index}`);

await withEnvironment(async ({ gateway }) => {
  for (const topic of LARGE) {
    for (const name of [topic, topic.replace("large", "more")]) {
      await gateway.client.publish(name, "x".repeat(600_000), { retain: true, qos: 1 });
    }
  }
  for (const topic of SMALL) await gateway.client.publish(topic, "on", { retain: true, qos: 1 });
  const proxy = await startToxicProxy(Number(new URL(gateway.url).port));
  proxy.set({ bytesPerSecond: BYTES_PER_SECOND }, "down");
  try {
    const client = new GatewayClient({ url: `http://127.0.0.1:${proxy.port}`, key: gateway.key });
    const topics: string[] = [];
    const types: string[] = [];
    const listen = async () => {
      for await (const event of client.subscribe(["large/+", "small/+"], { qos: 1 })) {
        types.push(event.type);
        if (event.type === "message") topics.push(event.topic);
        if (topics.length === LARGE.length + SMALL.length) return;
      }
    };
    await within("all retained messages", listen(), 60_000);
    assertEquals(topics.toSorted(), [...LARGE, ...SMALL].toSorted());
    assertEquals(new Set(types), new Set(["connected", "message"]));
    // The client reconnects by itself, which would hide it.
    assertEquals(gateway.output.lines.filter((line) => line.includes("too slow")), []);

    // The connection breaks during the large messages: received ones are not sent again.
    const since = { epoch: "", offset: 0 };
    const readFirst = async () => {
      for await (const event of client.subscribe(["more/+"], { qos: 1 })) {
        if (event.type !== "message") continue;
        since.epoch = event.epoch;
        since.offset = event.offset;
        return event.topic;
      }
    };
    const received = await within("the first message", readFirst(), 60_000);
    proxy.cut();
    const rest: string[] = [];
    const readRest = async () => {
      for await (const event of client.subscribe(["more/+"], { qos: 1, since })) {
        if (event.type === "gap") throw new Error("A gap although nothing is missing");
        if (event.type === "message") rest.push(event.topic);
        if (rest.length === 4) return;
      }
    };
    await within("the other messages", readRest(), 60_000);
    assertEquals([received, ...rest].toSorted(), LARGE.map((topic) => topic.replace("large", "more")));
  } finally {
    await proxy.close();
  }
}, {
  env: { ...UNLIMITED, LISTENER_PATIENCE_MS: "1000", LISTENER_QUEUE_BYTES: "65536", MAX_BODY_BYTES: "4194304" },
  ms: 200_000,
});
