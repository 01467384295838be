/** Two gateways with a real Redis and a real Mosquitto with passwords: streams of logins that requests name. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FailedError } from "../../src/client/gateway_client.ts";
import type { Position, StreamEvent } from "../../src/protocol/event.ts";
import { MOSQUITTO, startBroker } from "../support/broker.ts";
import { until, within } from "../support/deadline.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { nextEvent } from "../support/next_event.ts";
import { REDIS_SERVER, type TestRedis, withRedis } from "../support/redis_server.ts";

const NEEDS = { mosquitto: MOSQUITTO, "redis-server": REDIS_SERVER };

/** Passwords by name: that of the gateway, and one that requests name. */
const LOGINS = { gateway: "of the gateway", phone: "of the phone" } as const;

const PHONE = { username: "phone", password: LOGINS.phone };

interface LoginsContext {
  readonly redis: TestRedis;
  /** Starts a gateway with the same broker and key as the others, and by default with Redis. */
  start(options?: { readonly isReplica?: boolean }): Promise<GatewayProcess>;
}

async function withLogins(test: (context: LoginsContext) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "gateway-" });
  const passwords = `${directory}/passwords`;
  await Deno.writeTextFile(passwords, "");
  for (const login of Object.entries(LOGINS)) {
    const { success } = await new Deno.Command("mosquitto_passwd", { args: ["-b", passwords, ...login] }).output();
    assert(success);
  }
  const broker = await startBroker(["allow_anonymous false", `password_file ${passwords}`]);
  const started: GatewayProcess[] = [];
  try {
    await withRedis({}, async (redis) => {
      const start = async ({ isReplica = true } = {}) => {
        const gateway = await startGatewayProcess({
          MQTT_BROKER_HOST: broker.host,
          MQTT_BROKER_PORT: String(broker.port),
          MQTT_USERNAME: "gateway",
          MQTT_PASSWORD: LOGINS.gateway,
          ...isReplica && { REDIS_URL: redis.url().href },
          ...UNLIMITED,
        }, { directory });
        gateway.keepSecret("password of the phone", LOGINS.phone);
        started.push(gateway);
        return gateway;
      };
      try {
        await within("the test", test({ redis, start }), 60_000);
      } finally {
        for (const gateway of started) await gateway.stop();
      }
    });
  } finally {
    await broker.stop();
    await Deno.remove(directory, { recursive: true });
  }
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
async function gapsAt({ metricsUrl }: GatewayProcess): Promise<string | undefined> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  return text.split("\n").find((line) => line.startsWith("e2e_gateway_log_gaps_total "));
}

function positionOf(event: StreamEvent): Position {
  const { epoch, offset } = event as Partial<Position>;
  if (epoch === undefined || offset === undefined) throw new Error(`${event.type} has no position`);
  return { epoch, offset };
}

Deno.test(
  needing("a stream of a login resumes at the other gateway after its own, the writer, was killed", NEEDS),
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
  needing("a stream of a login resumes without a gap if the gateway that was killed only read its log", NEEDS),
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
  needing("a wrong password gets no message and the same error as without Redis, and ends no other stream", NEEDS),
  () =>
    withLogins(async ({ start }) => {
      const [one, other, alone] = [await start(), await start(), await start({ isReplica: false })];
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
