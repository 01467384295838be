/** Metrics of a test, and those of a real gateway. */
import { startGateway } from "../../src/app/start.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { formatKeysFile } from "../../src/keys/schema.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { createMetrics, type Metrics, type MetricsOptions } from "../../src/observability/metrics.ts";
import { type ProcessMetricsOptions, registerProcessMetrics } from "../../src/observability/process.ts";
import { until } from "./deadline.ts";
import { makeRecord } from "./gateway.ts";
import { freePort } from "./loopback.ts";
import { fakePlatform } from "./platform.ts";
import { type Family, parsePrometheusText, type Sample } from "./prometheus_text.ts";
import { inTempDir } from "./temp_dir.ts";

/** Number of services whose dependency is checked. */
const DEPENDENCIES = SERVICES.filter(({ dependency }) => dependency !== undefined).length;

/** Metrics of two services and a fake process, on clocks that the test sets. */
export function makeMetrics(
  options: Partial<MetricsOptions & ProcessMetricsOptions> = {},
): Metrics & Disposable & { close(): void } {
  const monotonic = options.monotonic ?? (() => 0);
  const metrics = createMetrics({ monotonic, version: options.version ?? "1.2.3" });
  metrics.addService({ name: "jeedom", hasSubscriptions: false });
  metrics.addService({
    name: "mqtt",
    hasSubscriptions: true,
    aliases: { call: "/mqtt/publish", subscribe: "/mqtt/subscribe" },
  });
  const close = registerProcessMetrics(metrics, {
    process: () => ({ rssBytes: 2001, heapBytes: 2002, cpuSeconds: 2003.25, startTimeSeconds: 1_700_000_000.5 }),
    monotonic,
    ...options,
  });
  return { ...metrics, close, [Symbol.dispose]: close };
}

/** Starts a gateway, and returns its metrics as it writes them once all dependencies were checked. */
export async function gatewayMetricsText(): Promise<string> {
  let text = "";
  await inTempDir(async (directory) => {
    const port = freePort();
    const config = parseConfig({
      HOST: "127.0.0.1",
      PORT: "0",
      METRICS_HOST: "127.0.0.1",
      METRICS_PORT: String(port),
      SECRET_KEY_FILE: `${directory}/secret_key.txt`,
      KEYS_FILE: `${directory}/keys.json`,
      SERVICES_FILE: `${directory}/services.yaml`,
      MQTT_BROKER_PORT: String(freePort()),
    });
    const phone = makeRecord({ name: "phone", expires: Date.now() + 86_400_000 });
    await Deno.writeTextFile(config.keys.keysFile, formatKeysFile([phone]), { mode: 0o600 });
    const platform = fakePlatform({ fetch: () => Promise.reject(new TypeError("No Jeedom in this test")) });
    const silent = () => {};
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const gateway = await startGateway(config, platform, log);
    try {
      await until("all dependencies are checked", async () => {
        text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        return [...text.matchAll(/^e2e_gateway_up\{/gm)].length === DEPENDENCIES + 1;
      });
    } finally {
      await gateway.stop();
    }
  });
  return text;
}

/** Metrics as they are written, by name. */
export async function writtenMetrics(metrics: Metrics): Promise<Map<string, Family>> {
  return parsePrometheusText(await metrics.text());
}

/** Returns the value of one series; undefined where it is absent. */
export async function valueOf(
  metrics: Metrics,
  { name, labels = {} }: { readonly name: string; readonly labels?: Sample["labels"] },
): Promise<number | undefined> {
  const samples = [...(await writtenMetrics(metrics)).values()].flatMap(({ samples }) => samples);
  const wanted = Object.entries(labels);
  return samples.find((sample) =>
    sample.name === name && Object.keys(sample.labels).length === wanted.length &&
    wanted.every(([label, value]) => sample.labels[label] === value)
  )?.value;
}
