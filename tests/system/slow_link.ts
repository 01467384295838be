/**
 * A listener behind a slow but steady line: run by `slow_line_test.ts` in a network namespace with small buffers, as
 * those of loopback take more than is sent here.
 */
import { assertEquals } from "@std/assert";
import { GatewayClient } from "../../src/client/gateway_client.ts";
import { within } from "../support/deadline.ts";
import { UNLIMITED } from "../support/gateway_process.ts";
import { startToxicProxy } from "../support/toxic_proxy.ts";
import { withEnvironment } from "../support/environment.ts";

const BYTES_PER_SECOND = 400_000;

/** Sealed, each takes 2 s on the line: twice the patience. The first two fill buffers. */
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
    // A client that comes back by itself would hide it.
    assertEquals(gateway.output.lines.filter((line) => line.includes("too slow")), []);

    // The line breaks amid the large ones: what has arrived does not come again.
    const since = { epoch: "", offset: 0 };
    const first = async () => {
      for await (const event of client.subscribe(["more/+"], { qos: 1 })) {
        if (event.type !== "message") continue;
        since.epoch = event.epoch;
        since.offset = event.offset;
        return event.topic;
      }
    };
    const got = await within("the first message", first(), 60_000);
    proxy.cut();
    const rest: string[] = [];
    const others = async () => {
      for await (const event of client.subscribe(["more/+"], { qos: 1, since })) {
        if (event.type === "gap") throw new Error("A gap, though nothing is missing");
        if (event.type === "message") rest.push(event.topic);
        if (rest.length === 4) return;
      }
    };
    await within("the other messages", others(), 60_000);
    assertEquals([got, ...rest].toSorted(), LARGE.map((topic) => topic.replace("large", "more")));
  } finally {
    await proxy.close();
  }
}, {
  env: { ...UNLIMITED, LISTENER_PATIENCE_MS: "1000", LISTENER_QUEUE_BYTES: "65536", MAX_BODY_BYTES: "4194304" },
  ms: 200_000,
});
