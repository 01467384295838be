/** Durable state of real gateways on one Redis: one listens for alerts, and the other one after its end. */
import { assert, assertEquals } from "@std/assert";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { SILENT_LOG } from "../../src/observability/log.ts";
import { SqliteState } from "../../src/store/state/sqlite_state.ts";
import { startBroker } from "../support/broker.ts";
import { until } from "../support/deadline.ts";
import { makeRecord } from "../support/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { DURABLE, openRedisState } from "../support/redis_state.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test(
  needing("two gateways with one Redis alert once, also after kill -9, and take over what one had in its file", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis(DURABLE, (redis) =>
      inTempDir(async (directory) => {
        const broker = await startBroker();
        const phone = makeRecord({ name: "phone", subscribe: ["home/#"], services: ["mqtt"] });
        const owner = { key: "phone", keyCreated: phone.created };
        const { state, close } = openRedisState(redis.url(), { prefix: "e2eg:" });
        const start = (env: Record<string, string> = { REDIS_URL: redis.url().href }) =>
          startGatewayProcess({
            ...env,
            RATE_LIMITS: "off",
            MQTT_BROKER_HOST: broker.host,
            MQTT_BROKER_PORT: String(broker.port),
          }, { directory });
        const alerts = async () =>
          (await state.listAlerts(owner, 0)).map(({ json }): string => JSON.parse(json).body).toSorted();
        const running: GatewayProcess[] = [];
        try {
          await (await start({})).stop();
          await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([phone]), { mode: 0o600 });
          const path = `${directory}/data/state.db`;
          const file = new SqliteState({ path, files: Deno, mode: "strict", log: SILENT_LOG });
          const rule = { name: "any", source: { topics: ["home/#"] }, condition: { type: "any" }, title: "{topic}" };
          await file.putRule({ ...owner, name: rule.name, json: JSON.stringify(rule) }, { max: 50 });
          await file.claimUse("action:guest:1", 3);
          await file.close();

          const [first, second] = [await start(), await start()];
          running.push(first, second);
          assertEquals([await state.readUses("action:guest:1"), (await state.listRules()).length], [1, 1]);
          await Deno.lstat(`${path}.imported`);
          const untilHeard = (publisher: GatewayProcess, name: string) => {
            let count = 0;
            return until(`an alert of ${name}`, async () => {
              await publisher.client.publish("home/ready", `${name} ${count += 1}`);
              return (await alerts()).some((text) => text.startsWith(name));
            });
          };
          await untilHeard(first, "start");
          for (const text of ["a", "b"]) await second.client.publish("home/door", text);
          await until("both alerts", async () => (await alerts()).includes("b"));
          // The one that listens said so when it began to wait, or not at all.
          const waits = (one: GatewayProcess) =>
            one.output.lines.some((line) => line.includes("Another process sends"));
          const [listening, waiting] = waits(first) ? [second, first] : [first, second];
          await listening.stop("SIGKILL");
          await untilHeard(waiting, "later");
          await waiting.client.publish("home/door", "c");
          await until("the last alert", async () => (await alerts()).includes("c"));
          const found = await alerts();
          assertEquals(found, [...new Set(found)].toSorted(), "An event made two alerts");
          assert(["a", "b", "c"].every((text) => found.includes(text)));
        } finally {
          for (const one of running) await one.stop();
          await close();
          await broker.stop();
        }
      })),
);

Deno.test(
  needing("a gateway whose Redis was emptied says that counted uses fail, until it is restarted", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis(DURABLE, (redis) =>
      inTempDir(async (directory) => {
        const start = () =>
          startGatewayProcess({ REDIS_URL: redis.url().href, HEALTH_CHECK_SECONDS: "1" }, { directory });
        const stateOf = async ({ metricsUrl }: GatewayProcess): Promise<unknown> => {
          const { parts } = await (await fetch(`${metricsUrl}/health/ready`)).json();
          return parts.state;
        };
        const gateway = await start();
        try {
          await until("the state works", async () => await stateOf(gateway) === "ok");
          await redis.command("FLUSHALL");
          await until("the state fails", async () => await stateOf(gateway) === "failed");
          await gateway.output.line((line) => line.includes("Check of") && line.includes("restart all gateways"));
        } finally {
          await gateway.stop();
        }
        const later = await start();
        try {
          await until("the state works again", async () => await stateOf(later) === "ok");
        } finally {
          await later.stop();
        }
      })),
);
