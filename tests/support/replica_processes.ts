/** Gateway processes with one Redis, one Mosquitto and the same keys. */
import type { Variables } from "../../src/config/rules.ts";
import { MOSQUITTO, startBroker } from "./broker.ts";
import { within } from "./deadline.ts";
import { type GatewayProcess, startGatewayProcess, UNLIMITED } from "./gateway_process.ts";
import { REDIS_SERVER, type TestRedis, withRedis } from "./redis_server.ts";
import { inTempDir } from "./temp_dir.ts";

/** Programs that {@linkcode withReplicas} needs. */
export const REPLICA_NEEDS = { mosquitto: MOSQUITTO, "redis-server": REDIS_SERVER };

/** What a test with replicas gets. */
export interface ReplicasContext {
  readonly redis: TestRedis;
  /** Starts a gateway; `env` has settings that differ from those of the others. */
  start(env?: Variables): Promise<GatewayProcess>;
}

/** Options of {@linkcode withReplicas}. */
export interface ReplicasOptions {
  /** Settings of all gateways. */
  readonly env?: Variables;
  /** Configuration of the broker. */
  readonly broker?: readonly string[];
}

/** Runs a test with gateways that it starts; all are stopped at the end. */
export function withReplicas(
  test: (context: ReplicasContext) => Promise<void>,
  { env: common = {}, broker: configuration }: ReplicasOptions = {},
): Promise<void> {
  return inTempDir((directory) =>
    withRedis({}, async (redis) => {
      await using scope = new AsyncDisposableStack();
      const broker = await startBroker(configuration);
      scope.defer(() => broker.stop());
      const start = async (env: Variables = {}) => {
        const gateway = await startGatewayProcess({
          MQTT_BROKER_HOST: broker.host,
          MQTT_BROKER_PORT: String(broker.port),
          REDIS_URL: redis.url().href,
          HEALTH_CHECK_SECONDS: "1",
          ...UNLIMITED,
          ...common,
          ...env,
        }, { directory });
        scope.defer(async () => void await gateway.stop());
        return gateway;
      };
      await within("the test", test({ redis, start }), 60_000);
    })
  );
}
