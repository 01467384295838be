/** A real gateway that has all of its data in Redis, under the user that docs/security.md describes. */
import { assertEquals } from "@std/assert";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { startBroker } from "../support/broker.ts";
import { until } from "../support/deadline.ts";
import { addDocumentedUser } from "../support/documented_user.ts";
import { makeRecord } from "../support/gateway.ts";
import { runMain, startGatewayProcess } from "../support/gateway_process.ts";
import { needing } from "../support/needs.ts";
import { REDIS_SERVER, withRedis } from "../support/redis_server.ts";
import { DURABLE } from "../support/redis_state.ts";
import { inTempDir } from "../support/temp_dir.ts";

Deno.test(
  needing("requests, streams, keys, pairing and push in Redis need no right beyond those of docs/security.md", {
    "redis-server": REDIS_SERVER,
  }),
  () =>
    withRedis(DURABLE, (redis) =>
      inTempDir(async (directory) => {
        await addDocumentedUser(redis);
        const broker = await startBroker();
        const env = {
          REDIS_URL: redis.url("gateway", "password").href,
          KEYS_REDIS: "on",
          KEYS_MASTER_KEY_FILE: "data/master_key.txt",
          MQTT_BROKER_HOST: broker.host,
          MQTT_BROKER_PORT: String(broker.port),
          HEALTH_CHECK_SECONDS: "1",
        };
        const keys = async (...args: string[]) => {
          const { code, text } = await runMain(["keys", ...args], { directory, env });
          assertEquals(code, 0, text);
        };
        const phone = makeRecord({
          name: "phone",
          services: ["mqtt"],
          publish: ["#"],
          subscribe: ["#"],
          brokers: ["*"],
        });
        await Deno.mkdir(`${directory}/data`);
        await Deno.writeTextFile(`${directory}/data/keys.json`, formatKeysFile([phone]), { mode: 0o600 });
        await keys("master-key");
        await keys("import");
        const gateway = await startGatewayProcess(env, { directory, key: phone.secret.toHex() });
        try {
          const { client } = gateway;
          let number = 0;
          const publish = () => client.publish("home/door", String(number += 1)).then(() => true, () => false);
          await until("an accepted request", publish);
          await client.pushSetRule({
            ...{ name: "door", source: { topics: ["home/door"] }, condition: { type: "any" }, title: "Door" },
          });
          for await (const event of client.subscribe(["home/door"])) {
            if (event.type === "connected") await publish();
            if (event.type === "message") break;
          }
          // Its log is one of its own.
          for await (const event of client.subscribe(["home/door"], { username: "guest", password: "any" })) {
            if (event.type === "connected") await publish();
            if (event.type === "message") break;
          }
          await until("an alert", async () => await publish() && (await client.pushAlerts()).length > 0);
          await keys("pair", "tablet", "--service", "mqtt");
          await keys("rotate", "phone");
          assertEquals(await redis.command("ACL", "LOG"), []);
        } finally {
          await gateway.stop();
          await broker.stop();
        }
      })),
);
