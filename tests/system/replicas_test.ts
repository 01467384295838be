/** Two gateways with a real Redis and a real Mosquitto: streams continue at the other one. */
import { assert, assertEquals } from "@std/assert";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { until, within } from "../support/deadline.ts";
import { type GatewayProcess, metricOf } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { nextEvent, positionOf } from "../support/next_event.ts";
import { withRedis } from "../support/redis_server.ts";
import { REPLICA_NEEDS, withReplicas } from "../support/replica_processes.ts";

const isWriter = async (gateway: GatewayProcess) => await metricOf(gateway, "e2e_gateway_log_writer") === 1;

/** Reads up to the next live message, and returns its payload after the types of the other events. */
async function untilMessage(stream: AsyncGenerator<StreamEvent, void>): Promise<string[]> {
  const events: string[] = [];
  for (;;) {
    const { value } = await within("a message", stream.next());
    if (value === undefined) throw new Error(`Stream ended after ${events}`);
    if (value.type === "message" && !value.retain) return [...events, String(value.payload)];
    events.push(value.type === "message" ? `${value.payload} (retained)` : value.type);
  }
}

/** Reads until all of the given payloads have come, of which retained ones are marked, and returns all of them. */
async function untilPayloads(
  stream: AsyncGenerator<StreamEvent, void>,
  payloads: readonly string[],
): Promise<string[]> {
  const events: string[] = [];
  while (!payloads.every((payload) => events.includes(payload))) {
    const { value } = await within(payloads.join(), stream.next());
    if (value === undefined) throw new Error(`Stream ended after ${events}`);
    if (value.type === "message") events.push(value.retain ? `${value.payload} (retained)` : String(value.payload));
  }
  return events;
}

/** Returns the next event of a type. */
async function untilType(stream: AsyncGenerator<StreamEvent, void>, type: StreamEvent["type"]): Promise<StreamEvent> {
  for (;;) {
    const { value } = await within(type, stream.next());
    if (value === undefined) throw new Error(`Stream ended before ${type}`);
    if (value.type === type && !(value.type === "message" && value.retain)) return value;
  }
}

const payloadOf = (event: StreamEvent) => event.type === "message" ? event.payload : undefined;

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(
    needing(`a stream resumes at the other gateway after ${signal} of the writer, and misses nothing`, REPLICA_NEEDS),
    () =>
      withReplicas(async ({ start }) => {
        const [one, other] = [await start(), await start()];
        await until("a writer", async () => await isWriter(one) || await isWriter(other));
        const [writer, reader] = await isWriter(one) ? [one, other] : [other, one];
        const before = writer.client.subscribe(["door"], { resume: false });
        await nextEvent(before, "connected");
        await reader.client.publish("door", "1", { qos: 1 });
        const first = await nextEvent(before, "message");
        assertEquals(payloadOf(first), "1");
        const ending = writer.stop(signal);
        await reader.client.publish("door", "2", { qos: 1 });
        await ending;
        await before.return();
        const controller = new AbortController();
        const after = reader.client.subscribe(["door"], {
          since: positionOf(first),
          resume: false,
          signal: controller.signal,
        });
        const second = await untilMessage(after);
        await reader.client.publish("door", "3", { qos: 1 });
        const third = await untilMessage(after);
        const events = [...second, ...third];
        assertEquals(events.filter((each) => each !== "gap"), ["connected", "2", "3"]);
        // It stands for messages of QoS 0, which no broker keeps for a writer that is gone.
        assert(events.includes("gap"));
        assert(await isWriter(reader), "it writes the log now");
        controller.abort();
        await after.return();
      }),
  );
}

Deno.test(
  needing(
    "streams at both gateways get each message once, and the end of one that only reads tells no gap",
    REPLICA_NEEDS,
  ),
  () =>
    withReplicas(async ({ start }) => {
      const [one, other] = [await start(), await start()];
      await until("a writer", async () => await isWriter(one) || await isWriter(other));
      const [writer, reader] = await isWriter(one) ? [one, other] : [other, one];
      await writer.client.publish("lamp", "on", { retain: true });
      const subscribe = ({ client }: GatewayProcess) => client.subscribe(["+"], { resume: false });
      const [atWriter, atReader] = [subscribe(writer), subscribe(reader)];
      for (const stream of [atWriter, atReader]) await untilType(stream, "connected");
      await writer.client.publish("door", "1");
      for (const stream of [atWriter, atReader]) {
        // They come over two connections to the broker, without a common order.
        const events = await untilPayloads(stream, ["on (retained)", "1"]);
        assertEquals(events.filter((each) => each === "1").length, 1);
        // With another writer, as a slow machine may have, the retained message comes again.
        assertEquals([...new Set(events)].toSorted(), ["1", "on (retained)"]);
      }
      await writer.client.publish("door", "2", { qos: 1 });
      const [first, second] = [await untilType(atWriter, "message"), await untilType(atReader, "message")];
      assertEquals(positionOf(first), positionOf(second), "the same position at both");
      await reader.stop("SIGKILL");
      await atReader.return();
      await writer.client.publish("door", "3", { qos: 1 });
      const resumed = writer.client.subscribe(["+"], { since: positionOf(second), resume: false });
      const events = await untilMessage(resumed);
      assertEquals(events.filter((each) => each !== "on (retained)" && each !== "gap"), ["connected", "3"]);
      if (await metricOf(writer, "e2e_gateway_log_takeovers_total") === 1) assert(!events.includes("gap"));
      await atWriter.return();
      await resumed.return();
    }),
);

Deno.test(
  needing("two gateways with a Redis each, and one broker and login, do not end each other's sessions", REPLICA_NEEDS),
  () =>
    withReplicas(({ start }) =>
      withRedis({}, async (second) => {
        const gateways = [await start(), await start({ REDIS_URL: second.url().href })];
        for (const gateway of gateways) await until("a writer", () => isWriter(gateway));
        const streams = gateways.map(({ client }) => client.subscribe(["door"], { resume: false }));
        for (const stream of streams) await untilType(stream, "connected");
        for (const [index, { client }] of gateways.entries()) {
          await client.publish("door", `${index}`, { qos: 1 });
          for (const stream of streams) assertEquals(await untilMessage(stream), [`${index}`]);
        }
        for (const stream of streams) await stream.return();
      })
    ),
);

Deno.test(
  needing("readiness names the shared log while Redis is stopped, and streams go on after it", REPLICA_NEEDS),
  () =>
    withReplicas(async ({ redis, start }) => {
      const gateway = await start();
      const health = async () => {
        const response = await fetch(`${gateway.metricsUrl}/health/ready`);
        const { failing = [] }: { failing?: string[] } = await response.json();
        return failing;
      };
      await until("the log is ready", async () => !(await health()).includes("event_log"));
      const stream = gateway.client.subscribe(["door"], { resume: false });
      await nextEvent(stream, "connected");
      await redis.kill();
      await until("the log is reported", async () => (await health()).includes("event_log"));
      await redis.start();
      await until("the log is ready", async () => !(await health()).includes("event_log"));
      await until("the broker's session", () => isWriter(gateway));
      await until("a request is accepted", () =>
        gateway.client.publish("door", "open", { qos: 1 }).then(() => true, () => false));
      // The log began anew with the server.
      assertEquals([...new Set(await untilMessage(stream))], ["gap", "open"]);
      await stream.return();
    }),
);
