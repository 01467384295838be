/** A house with everything in it: broker, Jeedom, perhaps Redis, and the real gateway in its sandbox, all to be broken. */
import type { Variables } from "../../src/config/settings.ts";
import { freePort } from "../../tests/support/loopback.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../../tests/support/gateway_process.ts";
import { type TestRedis, withRedis } from "../../tests/support/redis_server.ts";
import { type Jeedom, startJeedom } from "../support/faulty_jeedom.ts";
import { type ChaosBroker, LOGIN, startChaosBroker } from "./chaos_broker.ts";
import { Ledger } from "./request_tracker.ts";

/** What kind of house a fault needs. */
export interface TestEnvironmentOptions {
  /** Whether the gateway remembers requests in Redis. */
  readonly hasRedis?: boolean;
  /** Whether the broker wants logins. */
  readonly hasLogins?: boolean;
  /** Further settings of the gateway. */
  readonly env?: Variables;
  /** Makes the gateway's directory ready before it starts; what it gives back undoes that. */
  readonly prepare?: (directory: string) => Promise<() => Promise<void>>;
}

/** A house, and the books of what arrived in it. */
export interface TestEnvironment {
  readonly broker: ChaosBroker;
  readonly jeedom: Jeedom;
  readonly redis: TestRedis | undefined;
  /** The gateway that runs now, or ran last. */
  readonly gateway: GatewayProcess;
  /** The gateway's directory. */
  readonly directory: string;
  /** The gateway's settings. */
  readonly env: Variables;
  /** Messages, counted at the broker. */
  readonly messages: Ledger;
  /** Commands, counted at Jeedom. */
  readonly commands: Ledger;
  /** What went wrong with gateways up to now: ends that nobody asked for, and lines of the log that must not be. */
  faults(): string[];
  /** Ends the gateway, and starts another one at the same port. */
  endGateway(signal: Deno.Signal): Promise<number>;
  startGateway(): Promise<void>;
}

/** Short waits, so that faults are over soon. */
const SHORT: Variables = {
  ...UNLIMITED,
  MQTT_TIMEOUT_MS: "1000",
  MQTT_KEEPALIVE_SECONDS: "2",
  JEEDOM_TIMEOUT_MS: "1500",
  REPLAY_REDIS_TIMEOUT_MS: "300",
  HEALTH_CHECK_SECONDS: "1",
  SHUTDOWN_TIMEOUT_MS: "4000",
  DRAIN_MS: "500",
};

/** What a log must never hold, whatever happens around the gateway. */
const ALARMS = /Uncaught|[Uu]nhandled|broke the gateway|panicked/;

/** Starts a house. `opened` ends all of it, whatever its state. */
export async function openEnvironment(
  opened: AsyncDisposableStack,
  { hasRedis = false, hasLogins = false, env: choices = {}, prepare }: TestEnvironmentOptions,
): Promise<TestEnvironment> {
  const directory = await Deno.makeTempDir({ prefix: "chaos-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  if (prepare !== undefined) opened.defer(await prepare(directory));
  const [messages, commands] = [new Ledger(() => performance.now()), new Ledger(() => performance.now())];
  const jeedom = await startJeedom(({ body }) => {
    const { method, params }: { method: string; params: { id?: string } } = JSON.parse(body);
    // Phones ask so whether the gateway serves them.
    if (method === "ping") return "pong";
    commands.see(String(params.id));
    return params.id;
  });
  opened.defer(() => jeedom.die());
  const broker = await startChaosBroker({ hasLogins });
  opened.defer(() => broker.stop());
  const redis = hasRedis ? await openRedis(opened) : undefined;
  const env: Variables = {
    ...SHORT,
    PORT: String(freePort()),
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: "chaos",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    ...hasLogins ? { MQTT_USERNAME: LOGIN.username, MQTT_PASSWORD: LOGIN.password } : {},
    ...redis === undefined ? {} : { REPLAY_REDIS_URL: redis.url().href },
    ...choices,
  };
  const gateways: { readonly gateway: GatewayProcess; isEnding: boolean; hasEnded: boolean }[] = [];

  async function startGateway(): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess(env, { directory });
    const entry = { gateway, isEnding: false, hasEnded: false };
    gateways.push(entry);
    gateway.output.ended.then(() => void (entry.hasEnded = true));
    return gateway;
  }

  async function endGateway(signal: Deno.Signal): Promise<number> {
    const last = gateways.at(-1);
    if (last === undefined) throw new Error("No gateway runs");
    // Whatever ended before this is a crash.
    last.isEnding = !last.hasEnded;
    return await last.gateway.stop(signal);
  }

  let gateway = await startGateway();
  opened.defer(async () => void await endGateway("SIGKILL"));
  return {
    broker,
    jeedom,
    redis,
    directory,
    env,
    messages,
    commands,
    get gateway() {
      return gateway;
    },
    endGateway,
    async startGateway() {
      gateway = await startGateway();
    },
    faults: () =>
      gateways.flatMap(({ gateway: { output }, isEnding, hasEnded }) => [
        ...hasEnded && !isEnding ? [`Gateway ended by itself: ${output.lines.at(-1)}`] : [],
        ...output.lines.filter((line) => ALARMS.test(line)).slice(0, 3).map((line) => `Gateway's log has: ${line}`),
      ]),
  };
}

/** Keeps a server of the tests' for as long as the house. */
async function openRedis(opened: AsyncDisposableStack): Promise<TestRedis> {
  const started = Promise.withResolvers<TestRedis>();
  const over = Promise.withResolvers<void>();
  const running = withRedis({}, (redis) => {
    started.resolve(redis);
    return over.promise;
  });
  running.catch(started.reject);
  opened.defer(() => {
    over.resolve();
    return running;
  });
  return await started.promise;
}
