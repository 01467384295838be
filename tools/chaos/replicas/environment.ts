/** Three replicas of the gateway behind HAProxy, with their own links to one Redis, and one broker and Jeedom for all. */
import type { Variables } from "../../../src/config/rules.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import type { KeyRecord } from "../../../src/keys/schema.ts";
import { makeRecord } from "../../../tests/support/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../../../tests/support/gateway_process.ts";
import { startHaproxy } from "../../../tests/support/haproxy.ts";
import { freePort } from "../../../tests/support/loopback.ts";
import { startRedis, type TestRedis } from "../../../tests/support/redis_server.ts";
import { startToxicProxy } from "../../../tests/support/toxic_proxy.ts";
import type { FaultyJeedom } from "../../support/faulty_jeedom.ts";
import { type ChaosBroker, startChaosBroker } from "../chaos_broker.ts";
import { SHORT_TIMEOUTS } from "../environment.ts";
import { startCountingJeedom } from "../numbered_requests.ts";
import { RequestTracker } from "../request_tracker.ts";
import { Replica } from "./replica.ts";

/** Replicas, what is around them, and the record of what reached the broker and Jeedom. */
export interface ReplicasEnvironment {
  /** URL of the balancer. */
  readonly url: string;
  /** Keys of the phones, as hexadecimal text. */
  readonly keys: readonly string[];
  readonly replicas: readonly Replica[];
  readonly redis: TestRedis;
  readonly broker: ChaosBroker;
  readonly jeedom: FaultyJeedom;
  /** Messages, counted at the broker. */
  readonly messages: RequestTracker;
  /** Commands, counted at Jeedom. */
  readonly commands: RequestTracker;
}

/** Number of replicas. */
const REPLICAS = 3;

/** Timeouts that a fault of some seconds exceeds. */
const SETTINGS: Variables = { ...SHORT_TIMEOUTS, REDIS_TIMEOUT_MS: "500" };

/** Starts all of it; `scope` stops it, whatever its state. */
export async function startReplicas(
  scope: AsyncDisposableStack,
  { groups }: { readonly groups: number },
): Promise<ReplicasEnvironment> {
  const directory = await Deno.makeTempDir({ prefix: "replicas-" });
  scope.defer(() => Deno.remove(directory, { recursive: true }));
  const monotonic = () => performance.now();
  const [messages, commands] = [new RequestTracker(monotonic), new RequestTracker(monotonic)];
  const jeedom = await startCountingJeedom(commands);
  scope.defer(() => jeedom.stop());
  const broker = await startChaosBroker({ hasCredentials: false });
  scope.defer(() => broker.stop());
  const redis = await startRedis(scope, { appendonly: true, args: ["--appendfsync", "always"] });
  const records = makeRecords(groups);
  const settings: Variables = {
    ...SETTINGS,
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: "chaos",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
  };
  const replicas: Replica[] = [];
  for (let index = 0; index < REPLICAS; index++) {
    const link = await startToxicProxy(redis.port);
    scope.defer(() => link.close());
    const env = {
      ...settings,
      PORT: String(freePort()),
      METRICS_PORT: String(freePort()),
      REDIS_URL: `redis://127.0.0.1:${link.port}`,
    };
    // The keys are one file on shared storage.
    const replica = new Replica(`replica ${index}`, {
      link,
      start: () => startOne(env, directory, replicas.length === 0 ? records : undefined),
    });
    await replica.start();
    scope.defer(() => replica.kill());
    replicas.push(replica);
  }
  const url = await startHaproxy(scope, replicas);
  return {
    url,
    keys: records.map(({ secret }) => secret.toHex()),
    replicas,
    redis,
    broker,
    jeedom,
    messages,
    commands,
  };
}

function startOne(env: Variables, directory: string, keys: readonly KeyRecord[] | undefined): Promise<GatewayProcess> {
  return startGatewayProcess(env, { directory, ...keys !== undefined && { keys } });
}

/** Makes a key for each group of phones. */
function makeRecords(groups: number): KeyRecord[] {
  return Array.from({ length: groups }, (_, index) =>
    makeRecord({
      name: `group${index}`,
      secret: randomBytes(32),
      services: ["jeedom", "mqtt"],
      publish: ["chaos/#"],
      subscribe: ["chaos/#"],
      methods: ["*"],
      ownApikey: true,
    }));
}
