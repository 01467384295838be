/** Two gateways with a real Redis and a real Mosquitto with passwords: streams of logins that requests name. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FailedError } from "../../src/client/gateway_client.ts";
import type { StreamEvent } from "../../src/protocol/event.ts";
import { until, within } from "../support/deadline.ts";
import { type GatewayProcess, metricOf } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { nextEvent, positionOf } from "../support/next_event.ts";
import { REPLICA_NEEDS, type ReplicasContext, withReplicas } from "../support/replica_processes.ts";
import { inTempDir } from "../support/temp_dir.ts";

/** Passwords by name: that of the gateway, and one that requests name. */
const LOGINS = { gateway: "of the gateway", phone: "of the phone" } as const;

const PHONE = { username: "phone", password: LOGINS.phone };

/** Settings of all gateways. */
const ENV = { MQTT_USERNAME: "gateway", MQTT_PASSWORD: LOGINS.gateway };

/** Runs a test with gateways, and a broker that knows the logins. */
function withLogins(test: (context: ReplicasContext) => Promise<void>): Promise<void> {
  return inTempDir(async (directory) => {
    const passwords = `${directory}/passwords`;
    await Deno.writeTextFile(passwords, "");
    for (const login of Object.entries(LOGINS)) {
      const { success } = await new Deno.Command("mosquitto_passwd", { args: ["-b", passwords, ...login] }).output();
      assert(success);
    }
    await withReplicas(
      ({ redis, start }) =>
        test({
          redis,
          async start(env) {
            const gateway = await start(env);
            gateway.keepSecret("password of the phone", LOGINS.phone);
            return gateway;
          },
        }),
      { env: ENV, broker: ["allow_anonymous false", `password_file ${passwords}`] },
    );
  });
}

/** Publishes until a gateway that has just started accepts requests. */
async function publish({ client }: GatewayProcess, payload: string): Promise<void> {
  await until("a request is accepted", () => client.publish("door", payload, { qos: 1 }).then(() => true, () => false));
}

/** Reads until a payload has come, and returns the payloads, and the types of other events, up to it. */
async function untilPayload(stream: AsyncGenerator<StreamEvent, void>, payload: string): Promise<string[]> {
  const events: string[] = [];
  while (events.at(-1) !== payload) {
    const { value } = await within(payload, stream.next());
    if (value === undefined) throw new Error(`Stream ended after ${events}`);
    events.push(value.type === "message" ? String(value.payload) : value.type);
  }
  return events;
}

/** Returns the number of gaps that a gateway told. */
const gapsAt = (gateway: GatewayProcess) => metricOf(gateway, "e2e_gateway_log_gaps_total");

Deno.test(
  needing("a stream of a login resumes at the other gateway after its own, the writer, was killed", REPLICA_NEEDS),
  () =>
    withLogins(async ({ redis, start }) => {
      const [one, other] = [await start(), await start()];
      await publish(other, "0");
      const before = one.client.subscribe(["door"], { ...PHONE, qos: 1, resume: false });
      await nextEvent(before, "connected");
      await publish(other, "1");
      const first = await nextEvent(before, "message");
      await one.stop("SIGKILL");
      await before.return();
      await publish(other, "2");
      const after = other.client.subscribe(["door"], {
        ...PHONE,
        qos: 1,
        since: positionOf(first),
        resume: false,
      });
      const second = await untilPayload(after, "2");
      await publish(other, "3");
      const events = [...second, ...await untilPayload(after, "3")];
      assertEquals(events.filter((each) => each !== "gap"), ["connected", "2", "3"]);
      // Another gateway writes: messages of QoS 0 may be missing.
      assert(events.includes("gap"));
      await after.return();
      const keys = await redis.command("KEYS", "*");
      assert(Array.isArray(keys) && keys.length > 0 && !keys.join().includes(LOGINS.phone));
    }),
);

Deno.test(
  needing("a stream of a login resumes without a gap if the gateway that was killed only read its log", REPLICA_NEEDS),
  () =>
    withLogins(async ({ start }) => {
      const [one, other] = [await start(), await start()];
      await publish(other, "0");
      const atWriter = other.client.subscribe(["door"], { ...PHONE, qos: 1, resume: false });
      await nextEvent(atWriter, "connected");
      const before = one.client.subscribe(["door"], { ...PHONE, qos: 1, resume: false });
      await nextEvent(before, "connected");
      await publish(other, "1");
      const first = await nextEvent(before, "message");
      assertEquals(positionOf(await nextEvent(atWriter, "message")), positionOf(first), "the same position at both");
      const gaps = await gapsAt(other);
      await one.stop("SIGKILL");
      await before.return();
      await publish(other, "2");
      const after = other.client.subscribe(["door"], { ...PHONE, qos: 1, since: positionOf(first), resume: false });
      const events = [...await untilPayload(after, "2"), ...await untilPayload(atWriter, "2")];
      assertEquals(events.filter((each) => each !== "gap"), ["connected", "2", "2"]);
      // A slow machine may have another writer in between.
      if (await gapsAt(other) === gaps) assert(!events.includes("gap"));
      for (const stream of [after, atWriter]) await stream.return();
    }),
);

Deno.test(
  needing(
    "a wrong password gets no message and the same error as without Redis, and ends no other stream",
    REPLICA_NEEDS,
  ),
  () =>
    withLogins(async ({ start }) => {
      const [one, other, alone] = [await start(), await start(), await start({ REDIS_URL: undefined })];
      await publish(one, "0");
      const right = one.client.subscribe(["door"], { ...PHONE, qos: 1, resume: false });
      await nextEvent(right, "connected");
      await publish(one, "1");
      const since = positionOf(await nextEvent(right, "message"));
      await publish(one, "2");
      const wrong = { ...PHONE, password: "guessed", qos: 1, since, resume: false } as const;
      const failureAt = (gateway: GatewayProcess) =>
        assertRejects(async () => {
          const stream = gateway.client.subscribe(["door"], wrong);
          for await (const { type } of stream) assertEquals(type, "error", "Only an error is sent");
        }, FailedError);
      await publish(alone, "3");
      const { message, code } = await failureAt(alone);
      for (const gateway of [one, other, one, other]) {
        const failure = await failureAt(gateway);
        assertEquals([failure.message, failure.code], [message, code]);
      }
      await publish(one, "4");
      assertEquals(await untilPayload(right, "4"), ["2", "3", "4"]);
      await right.return();
    }),
);
