import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { startGateway } from "../../src/app/start.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Log } from "../../src/observability/log.ts";
import { freePort } from "../support/loopback.ts";
import { gatewayMetricsText } from "../support/metrics.ts";
import { fakePlatform } from "../support/platform.ts";
import { parsePrometheusText } from "../support/prometheus_text.ts";

// Deno's sanitizers fail this test if the broker or the HTTP client stays open.
Deno.test("startGateway() closes everything when its port is taken", async () => {
  const directory = await Deno.makeTempDir();
  const silent = () => {};
  const log: Log = { debug: silent, info: silent, warn: silent, error: silent };
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: String(taken.addr.port),
    SECRET_KEY_FILE: `${directory}/key.txt`,
    KEYS_FILE: `${directory}/keys.json`,
    SERVICES_FILE: `${directory}/services.yaml`,
    MQTT_BROKER_PORT: String(freePort()),
  });
  await assertRejects(() => startGateway(config, fakePlatform(), log), Deno.errors.AddrInUse);
  taken.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("startGateway() registers gauges that read the values of its parts", async () => {
  const families = parsePrometheusText(await gatewayMetricsText());
  const samples = (name: string) => families.get(`e2e_gateway_${name}`)?.samples ?? [];
  const value = (name: string) => samples(name).map((sample) => sample.value);
  const up = Object.fromEntries(samples("up").map((sample) => [sample.labels["part"], sample.value]));
  assertEquals(up, { broker: 1, jeedom: 0, replay_store: 1 });
  // The check of the broker holds a connection for a while.
  const idle = ["queue_bytes", "backlog_bytes", "unread_answer_bytes", "ring_bytes", "shared_event_bytes"];
  const counts = [
    "subscriptions",
    "listeners",
    "replay_entries",
    "replay_bytes",
    "bodies_arriving",
    "requests_running",
  ];
  for (const name of [...idle, ...counts]) assertEquals(value(name), [0], name);
  assertEquals([value("keys"), value("ready")], [[1], [0]]);
  const [expiry] = samples("key_expiry_seconds");
  assertEquals(expiry?.labels, { key: "phone" });
  assertAlmostEquals(expiry?.value ?? 0, 86_400, 60);
});
