/** Degraded connections between client and gateway, and between gateway and broker, against the real process. */
import { assert, assertEquals } from "@std/assert";
import { connectAsync } from "mqtt";
import { observe, type ObservedMessage } from "../../tools/support/observer.ts";
import { GatewayClient, GatewayError, type SubscribeOptions } from "../../src/client/gateway_client.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { until, within } from "../support/deadline.ts";
import { needing } from "../support/needs.ts";
import { MOSQUITTO, startBroker, type TestBroker } from "../support/broker.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { startToxicProxy, type ToxicProxy, type Toxics } from "../support/toxic_proxy.ts";
import { withEnvironment } from "../support/environment.ts";

/** Slow connections without faults. */
const SLOW: Readonly<Record<string, Toxics>> = {
  "high latency with jitter": { latencyMs: 60, jitterMs: 50 },
  "low bandwidth": { bytesPerSecond: 30_000 },
  "small pieces": { sliceBytes: 40, slicePauseMs: 1 },
};

/** Connections that break repeatedly, in each direction; the sizes are unrelated to those of messages. */
const BREAKING: readonly (readonly ["up" | "down", Toxics])[] = [
  ["up", { resetAfterBytes: 1777, sliceBytes: 100, latencyMs: 5 }],
  ["down", { resetAfterBytes: 1333, sliceBytes: 100, latencyMs: 5 }],
];

/** Counts the messages at a broker by payload. */
async function countAt(broker: TestBroker, filter: string) {
  const counts = new Map<string, number>();
  const onMessage = ({ payload }: ObservedMessage) => void counts.set(payload, (counts.get(payload) ?? 0) + 1);
  return { counts, close: await observe(broker, { filters: [filter], onMessage }) };
}

/** Publishes each payload once through a client; returns the acknowledged ones. */
async function publishAll(client: GatewayClient, topic: string, payloads: readonly string[]): Promise<string[]> {
  const acknowledged: string[] = [];
  for (const payload of payloads) {
    try {
      const { status } = await client.publish(topic, payload, { qos: 1, timeout: 5000 });
      assertEquals(status, 200);
      acknowledged.push(payload);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  }
  return acknowledged;
}

/** Subscription with the numbers received and the positions of gap events. */
class NumberListener {
  readonly numbers: number[] = [];
  readonly gaps = new Set<number>();
  readonly types = new Set<string>();

  readonly #closing = new AbortController();
  readonly #done: Promise<void>;

  constructor(client: GatewayClient, topic: string, options: SubscribeOptions = {}) {
    this.#done = this.#follow(client.subscribe([topic], { ...options, signal: this.#closing.signal }));
    // Rejections are handled in until() and end().
    this.#done.catch(() => {});
  }

  async #follow(events: AsyncIterable<StreamEvent>): Promise<void> {
    try {
      for await (const event of events) {
        this.types.add(event.type);
        if (event.type === "gap") this.gaps.add(this.numbers.length);
        if (event.type === "message") this.numbers.push(Number(event.payload));
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }

  /** Waits for a condition; fails if the listener ends before. */
  async until(name: string, condition: () => boolean | Promise<boolean>, ms?: number): Promise<void> {
    const early = this.#done.then(() => {
      throw new Error(`Listener ended before: ${name}`);
    });
    await Promise.race([until(name, condition, ms), early]);
  }

  /** Unsubscribes; fails if a number is duplicate, out of order, or missing without a gap event. */
  async end(): Promise<void> {
    this.#closing.abort();
    await this.#done;
    for (const [at, number] of this.numbers.entries()) {
      const before = at === 0 ? -1 : this.numbers[at - 1] ?? NaN;
      const isExpected = this.gaps.has(at) ? number > before : number === before + 1;
      assert(isExpected, `${number} arrived after ${before}, gaps at ${[...this.gaps].join()}`);
    }
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

const portOf = (url: string) => Number(new URL(url).port);

async function withProxy(target: number, test: (proxy: ToxicProxy) => Promise<void>): Promise<void> {
  const proxy = await startToxicProxy(target);
  try {
    await test(proxy);
  } finally {
    await proxy.close();
  }
}

for (const protocol of [1, 2] as const) {
  Deno.test(`version ${protocol}: on a slow connection every request is answered correctly, and every event arrives once`, () =>
    withEnvironment(({ gateway, jeedom }) =>
      withProxy(portOf(gateway.url), async (proxy) => {
        const phone = new GatewayClient({ url: `http://127.0.0.1:${proxy.port}`, key: gateway.key, protocol });
        for (const [name, toxics] of Object.entries(SLOW)) {
          proxy.set(toxics);
          const listening = new NumberListener(phone, `slow/${name}`);
          await listening.until(`connected: ${name}`, () => listening.types.has("connected"));
          const publishing = publishAll(gateway.client, `slow/${name}`, numbers(50));
          const asked = Array.from({ length: 10 }, async (_, index) => {
            const published = await phone.publish("other", `${index}`, { qos: 1 });
            const { body, status } = await phone.callJeedom("cmd::byId", { id: 10 }, { apikey: jeedom.apikey });
            assertEquals([published.status, status], [200, 200], JSON.stringify(body));
          });
          await Promise.all([publishing, ...asked]);
          await listening.until(`all events: ${name}`, () => listening.numbers.length === 50);
          await listening.end();
          assertEquals([...listening.types].toSorted(), ["connected", "message"], name);
        }
        await gateway.client.health();
      }), { env: UNLIMITED, ms: 90_000 }));

  Deno.test(`version ${protocol}: on a breaking connection only messages at the broker are acknowledged, and none arrives twice`, () =>
    withEnvironment(({ gateway, broker }) =>
      withProxy(portOf(gateway.url), async (proxy) => {
        const url = `http://127.0.0.1:${proxy.port}`;
        const phone = new GatewayClient({ url, key: gateway.key, protocol, random: () => 0 });
        const arrived = await countAt(broker, "breaking/+");
        for (const [direction, toxics] of BREAKING) {
          arrived.counts.clear();
          proxy.set({});
          const listening = new NumberListener(phone, `events/${direction}`);
          await listening.until("connected", () => listening.types.has("connected"));
          // Open connections are unchanged, so the stream must resume over a degraded one.
          proxy.set(toxics, direction);
          const events = numbers(60);
          const [acknowledged] = await Promise.all([
            publishAll(phone, `breaking/${direction}`, numbers(30)),
            publishAll(gateway.client, `events/${direction}`, events),
          ]);
          await until("each acknowledged message", () => acknowledged.every((payload) => arrived.counts.has(payload)));
          assertEquals([...arrived.counts].filter(([, count]) => count > 1), [], "Ran twice");
          assert(acknowledged.length >= 10, `Only ${acknowledged.length} of 30 passed`);
          await listening.until("the last event", () => listening.numbers.at(-1) === events.length - 1, 40_000);
          await listening.end();
          assert(proxy.connections > 5, "The connection never broke");
        }
        proxy.set({});
        assertEquals((await phone.publish("t", "m", { qos: 1 })).status, 200);
        await arrived.close();
      }), { env: UNLIMITED, ms: 120_000 }));
}

async function behindProxy(
  env: Record<string, string>,
  test: (parts: { gateway: GatewayProcess; broker: TestBroker; proxy: ToxicProxy }) => Promise<void>,
): Promise<void> {
  const broker = await startBroker();
  await withProxy(broker.port, async (proxy) => {
    const where = { MQTT_BROKER_HOST: "127.0.0.1", MQTT_BROKER_PORT: String(proxy.port) };
    const gateway = await startGatewayProcess({ ...UNLIMITED, ...where, ...env });
    try {
      await within("the test", test({ gateway, broker, proxy }), 90_000);
    } finally {
      await gateway.stop();
    }
  });
  await broker.stop();
}

Deno.test("a breaking connection to the broker: acknowledged messages arrive, none twice, and gaps are reported", () =>
  behindProxy({ MQTT_TIMEOUT_MS: "3000" }, async ({ gateway: { client, url, key }, broker, proxy }) => {
    const arrived = await countAt(broker, "door");
    const straight = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0 });
    const phone = new GatewayClient({ url, key, protocol: 2, random: () => 0 });
    const listening = new NumberListener(phone, "event", { keep: true, qos: 1 });
    await listening.until("connected", () => listening.types.has("connected"));
    proxy.set({ resetAfterBytes: 333, sliceBytes: 50, latencyMs: 3 }, "up");
    proxy.set({ resetAfterBytes: 777, sliceBytes: 50, latencyMs: 3 }, "down");
    let sent = 0;
    const sending = (async () => {
      for (; sent < 150; sent++) {
        await straight.publishAsync("event", String(sent), { qos: 1 });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    const acknowledged = await publishAll(client, "door", numbers(100));
    await sending;
    await until("each acknowledged message", () => acknowledged.every((payload) => arrived.counts.has(payload)));
    assertEquals([...arrived.counts].filter(([, count]) => count > 1), [], "Sent twice");
    assert(acknowledged.length >= 10, `Only ${acknowledged.length} of 100 passed`);
    proxy.set({});
    const later = sent;
    await listening.until("an event after the reconnect", async () => {
      await straight.publishAsync("event", String(sent++), { qos: 1 });
      return (listening.numbers.at(-1) ?? -1) >= later;
    });
    await listening.end();
    assert(proxy.connections > 3, "The connection never broke");
    await arrived.close();
    await straight.endAsync(true);
  }));

Deno.test(
  needing("a silent connection to the broker causes errors in time, gaps are reported, and nothing is sent later", {
    mosquitto: MOSQUITTO,
  }),
  () =>
    behindProxy(
      { MQTT_TIMEOUT_MS: "1000", MQTT_KEEPALIVE_SECONDS: "1" },
      async ({ gateway: { client }, broker, proxy }) => {
        const arrived = await countAt(broker, "door");
        const listening = new NumberListener(client, "event", { keep: true });
        await listening.until("connected", () => listening.types.has("connected"));
        await until("a publish succeeds", async () => (await publishAll(client, "door", ["before"])).length === 1);
        for (const direction of ["up", "down"] as const) {
          proxy.set({ swallows: true }, direction);
          assertEquals(await publishAll(client, "door", [`silent ${direction}`]), []);
          proxy.set({});
          await until(
            "a publish succeeds again",
            async () => (await publishAll(client, "door", ["again"])).length === 1,
          );
        }
        // The gateway gets no end of the half-open connection and must detect it by itself.
        proxy.set({ hidesEnd: true });
        broker.signal("SIGSTOP");
        assertEquals(await publishAll(client, "door", ["half open"]), []);
        broker.signal("SIGCONT");
        proxy.set({});
        proxy.cut();
        await until("a publish succeeds again", async () => (await publishAll(client, "door", ["last"])).length === 1);
        await until("the last message", () => arrived.counts.has("last"));
        assertEquals(arrived.counts.get("silent up"), undefined);
        assert((arrived.counts.get("silent down") ?? 0) <= 1 && (arrived.counts.get("half open") ?? 0) <= 1);
        await listening.until("a gap event", () => listening.types.has("online") && listening.gaps.size > 0);
        await listening.end();
        await arrived.close();
      },
    ),
);
