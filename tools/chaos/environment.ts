/** Environment of a fault: broker, Jeedom, optionally Redis, and the real gateway in its sandbox. */
import type { Variables } from "../../src/config/rules.ts";
import { freePort } from "../../tests/support/loopback.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "../../tests/support/gateway_process.ts";
import { startRedis, type TestRedis } from "../../tests/support/redis_server.ts";
import type { FaultyJeedom } from "../support/faulty_jeedom.ts";
import { type ChaosBroker, CREDENTIALS, startChaosBroker } from "./chaos_broker.ts";
import { startCountingJeedom } from "./numbered_requests.ts";
import { RequestTracker } from "./request_tracker.ts";

/** Options of an environment. */
export interface ChaosEnvironmentOptions {
  /** True if the replay store of the gateway is in Redis. */
  readonly hasRedis?: boolean;
  /** True if the broker requires credentials. */
  readonly hasCredentials?: boolean;
  /** Further settings of the gateway. */
  readonly env?: Variables;
  /** Prepares the gateway's directory before it starts; returns the function that undoes it. */
  readonly prepare?: (directory: string) => Promise<() => Promise<void>>;
}

/** Gateway, its dependencies, and the record of what reached them. */
export interface ChaosEnvironment {
  readonly broker: ChaosBroker;
  readonly jeedom: FaultyJeedom;
  readonly redis: TestRedis | undefined;
  /** Last started gateway. */
  readonly gateway: GatewayProcess;
  /** Directory of the gateway. */
  readonly directory: string;
  /** Settings of the gateway. */
  readonly env: Variables;
  /** Messages, counted at the broker. */
  readonly messages: RequestTracker;
  /** Commands, counted at Jeedom. */
  readonly commands: RequestTracker;
  /** Returns unexpected exits of gateways, and log lines that indicate a crash. */
  crashes(): string[];
  /** Sends the gateway a signal; returns its exit code. */
  stopGateway(signal: Deno.Signal): Promise<number>;
  /** Starts a gateway at the same port. */
  startGateway(): Promise<void>;
}

/** Short timeouts, to shorten the runs. */
export const SHORT_TIMEOUTS: Variables = {
  ...UNLIMITED,
  MQTT_TIMEOUT_MS: "1000",
  MQTT_KEEPALIVE_SECONDS: "2",
  JEEDOM_TIMEOUT_MS: "1500",
  REDIS_TIMEOUT_MS: "300",
  HEALTH_CHECK_SECONDS: "1",
  SHUTDOWN_TIMEOUT_MS: "4000",
  DRAIN_MS: "500",
};

/** Log lines that indicate a crash. */
export const CRASHES = /Uncaught|[Uu]nhandled|broke the gateway|panicked/;

/** Starts an environment; `scope` stops all of it, whatever its state. */
export async function startChaosEnvironment(
  scope: AsyncDisposableStack,
  { hasRedis = false, hasCredentials = false, env: settings = {}, prepare }: ChaosEnvironmentOptions,
): Promise<ChaosEnvironment> {
  const directory = await Deno.makeTempDir({ prefix: "chaos-" });
  scope.defer(() => Deno.remove(directory, { recursive: true }));
  if (prepare !== undefined) scope.defer(await prepare(directory));
  const monotonic = () => performance.now();
  const [messages, commands] = [new RequestTracker(monotonic), new RequestTracker(monotonic)];
  const jeedom = await startCountingJeedom(commands);
  scope.defer(() => jeedom.stop());
  const broker = await startChaosBroker({ hasCredentials });
  scope.defer(() => broker.stop());
  const redis = hasRedis ? await startRedis(scope) : undefined;
  const env: Variables = {
    ...SHORT_TIMEOUTS,
    PORT: String(freePort()),
    JEEDOM_URL: jeedom.url,
    JEEDOM_APIKEY: "chaos",
    MQTT_BROKER_HOST: broker.host,
    MQTT_BROKER_PORT: String(broker.port),
    ...hasCredentials ? { MQTT_USERNAME: CREDENTIALS.username, MQTT_PASSWORD: CREDENTIALS.password } : {},
    ...redis === undefined ? {} : { REDIS_URL: redis.url().href },
    ...settings,
  };
  const gateways: { readonly gateway: GatewayProcess; isStopping: boolean; hasEnded: boolean }[] = [];

  async function startGateway(): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess(env, { directory });
    const entry = { gateway, isStopping: false, hasEnded: false };
    gateways.push(entry);
    gateway.output.ended.then(() => void (entry.hasEnded = true));
    return gateway;
  }

  async function stopGateway(signal: Deno.Signal): Promise<number> {
    const last = gateways.at(-1);
    if (last === undefined) throw new Error("No gateway runs");
    // An exit before this is a crash.
    last.isStopping = !last.hasEnded;
    return await last.gateway.stop(signal);
  }

  let gateway = await startGateway();
  scope.defer(async () => void await stopGateway("SIGKILL"));
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
    stopGateway,
    async startGateway() {
      gateway = await startGateway();
    },
    crashes: () =>
      gateways.flatMap(({ gateway: { output }, isStopping, hasEnded }) => [
        ...hasEnded && !isStopping ? [`Gateway exited by itself: ${output.lines.at(-1)}`] : [],
        ...output.lines.filter((line) => CRASHES.test(line)).slice(0, 3).map((line) => `Log of the gateway: ${line}`),
      ]),
  };
}
