import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Gauges } from "../../src/observability/telemetry.ts";
import { LEVELS, makeMetrics, shown, valueOf } from "../support/metrics.ts";
import { seriesOf } from "../support/prometheus_text.ts";

/** Every metric with its kind and labels. */
const METRICS: readonly string[] = [
  "e2e_gateway_requests_total counter result route service",
  "e2e_gateway_refusals_total counter reason",
  "e2e_gateway_streams_ended_total counter reason",
  "e2e_gateway_dropped_events_total counter reason",
  "e2e_gateway_request_seconds histogram route",
  "e2e_gateway_step_seconds histogram step",
  "e2e_gateway_delivery_seconds histogram",
  "e2e_gateway_streams gauge version",
  "e2e_gateway_queue_bytes gauge",
  "e2e_gateway_backlog_bytes gauge",
  "e2e_gateway_unread_answer_bytes gauge",
  "e2e_gateway_ring_bytes gauge",
  "e2e_gateway_shared_event_bytes gauge",
  "e2e_gateway_subscriptions gauge",
  "e2e_gateway_listeners gauge",
  "e2e_gateway_broker_connections gauge",
  "e2e_gateway_replay_entries gauge",
  "e2e_gateway_replay_bytes gauge",
  "e2e_gateway_bodies_arriving gauge",
  "e2e_gateway_requests_running gauge",
  "e2e_gateway_up gauge part",
  "e2e_gateway_ready gauge",
  "e2e_gateway_keys gauge",
  "e2e_gateway_key_expiry_seconds gauge key",
  "e2e_gateway_event_loop_lag_seconds gauge",
  "e2e_gateway_build_info gauge version",
  "process_resident_memory_bytes gauge",
  "process_heap_bytes gauge",
  "process_cpu_seconds_total counter",
  "process_start_time_seconds gauge",
];

const series = async (metrics: ReturnType<typeof makeMetrics>) =>
  [...(await shown(metrics)).values()].flatMap(({ samples }) => samples.map(seriesOf)).sort();

Deno.test("text() has exactly the metrics that are documented, with their labels, and help for each", async () => {
  using metrics = makeMetrics();
  const found = [...await shown(metrics)].map(([name, { kind, samples }]) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    labels.delete("le");
    return [name, kind, ...[...labels].sort()].join(" ");
  });
  assertEquals(found.sort(), METRICS.toSorted());
  assertEquals(metrics.contentType, "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("text() shows every word at 0 before anything happened", async () => {
  using metrics = makeMetrics();
  const families = await shown(metrics);
  const words = (name: string, label: string) =>
    new Set(families.get(name)?.samples.map((sample) => sample.labels[label]));
  const zeros = ["requests_total", "refusals_total", "streams_ended_total", "dropped_events_total", "streams"];
  for (const name of [...zeros, "request_seconds", "step_seconds", "delivery_seconds"]) {
    const samples = families.get(`e2e_gateway_${name}`)?.samples ?? [];
    assert(samples.length > 0 && samples.every(({ value }) => value === 0), name);
  }
  assertEquals(words("e2e_gateway_refusals_total", "reason").size, 14);
  assertEquals(words("e2e_gateway_streams_ended_total", "reason").size, 7);
  assertEquals(words("e2e_gateway_dropped_events_total", "reason"), new Set(["too_slow", "revoked", "too_large"]));
  assertEquals(words("e2e_gateway_requests_total", "result").size, 5);
  assertEquals(words("e2e_gateway_request_seconds", "route").size, 8);
  assertEquals(words("e2e_gateway_step_seconds", "step").size, 5);
  assertEquals(words("e2e_gateway_streams", "version"), new Set(["1", "2"]));
});

Deno.test("answered() counts by route, service and result, and sorts the duration", async () => {
  using metrics = makeMetrics();
  metrics.answered({ route: "/gateway", service: "jeedom", result: "ok", seconds: 0.2 });
  metrics.answered({ route: "/gateway", service: "jeedom", result: "ok", seconds: 500 });
  metrics.answered({ route: "/gateway", service: "none", result: "ok", seconds: 0.0001 });
  const labels = { route: "/gateway", service: "jeedom", result: "ok" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_requests_total", labels }), 2);
  const unexpected = { ...labels, service: "none" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_requests_total", labels: unexpected }), 1);
  const bucket = (le: string) =>
    valueOf(metrics, { name: "e2e_gateway_request_seconds_bucket", labels: { route: "/gateway", le } });
  assertEquals([await bucket("0.1"), await bucket("0.25"), await bucket("120"), await bucket("+Inf")], [1, 2, 2, 3]);
});

Deno.test("step() measures what it runs, passes its result on, and its error", async () => {
  let now = 1000;
  using metrics = makeMetrics({ monotonic: () => now });
  const work = (ms: number) => () => {
    now += ms;
    return Promise.resolve("done");
  };
  assertEquals(await metrics.measure("jeedom", work(40)), "done");
  const failure = () => {
    now += 60;
    return Promise.reject(new TypeError("Broken"));
  };
  await assertRejects(() => metrics.measure("jeedom", failure), TypeError, "Broken");
  const labels = { step: "jeedom" };
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_step_seconds_sum", labels }), 0.1);
  assertEquals(await valueOf(metrics, { name: "e2e_gateway_step_seconds_count", labels }), 2);
});

Deno.test("stream() follows what is open, and counts each end", async () => {
  using metrics = makeMetrics();
  const open = (version: string) => valueOf(metrics, { name: "e2e_gateway_streams", labels: { version } });
  const ended = (reason: string) => valueOf(metrics, { name: "e2e_gateway_streams_ended_total", labels: { reason } });
  const end = metrics.stream(2);
  metrics.stream(2);
  metrics.stream(1);
  assertEquals([await open("1"), await open("2")], [1, 2]);
  end("too_slow");
  assertEquals([await open("1"), await open("2")], [1, 1]);
  assertEquals([await ended("too_slow"), await ended("left")], [1, 0]);
});

Deno.test("refused(), dropped() and delivered() count", async () => {
  using metrics = makeMetrics();
  metrics.refused("envelope", { address: "192.0.2.1" });
  metrics.refused("envelope", { address: "192.0.2.1" });
  metrics.dropped("revoked", 7);
  metrics.delivered(0.0005);
  metrics.delivered(0.001);
  metrics.delivered(0.004);
  metrics.delivered(60);
  const count = (name: string, labels = {}) => valueOf(metrics, { name: `e2e_gateway_${name}`, labels });
  assertEquals(await count("refusals_total", { reason: "envelope" }), 2);
  assertEquals(await count("dropped_events_total", { reason: "revoked" }), 7);
  const buckets = ["0.001", "0.0025", "0.005", "5", "+Inf"].map((le) => count("delivery_seconds_bucket", { le }));
  assertEquals(await Promise.all(buckets), [2, 2, 3, 3, 4]);
  assertEquals(await count("delivery_seconds_count"), 4);
  assertEquals(await count("delivery_seconds_sum"), 60.0055);
});

Deno.test("gauges follow the levels, which are asked once for each text", async () => {
  let levels: Gauges = LEVELS;
  let asked = 0;
  using metrics = makeMetrics({
    levels: () => {
      asked += 1;
      return levels;
    },
  });
  const value = (name: string, labels = {}) => valueOf(metrics, { name: `e2e_gateway_${name}`, labels });
  const plain = [
    "queue_bytes",
    "backlog_bytes",
    "unread_answer_bytes",
    "ring_bytes",
    "shared_event_bytes",
    "subscriptions",
    "listeners",
    "broker_connections",
    "replay_entries",
    "replay_bytes",
    "bodies_arriving",
    "requests_running",
  ];
  for (const [index, name] of plain.entries()) assertEquals(await value(name), 1001 + index, name);
  assertEquals([await value("ready"), await value("keys")], [0, 2]);
  assertEquals([await value("up", { part: "broker" }), await value("up", { part: "jeedom" })], [1, 0]);
  assertEquals(asked, plain.length + 4);

  levels = { ...LEVELS, queueBytes: 5, isReady: true, replays: undefined, up: { jeedom: true } };
  assertEquals([await value("queue_bytes"), await value("ready")], [5, 1]);
  // In Redis there is nothing to tell, and 0 would be a lie; the same for a part that was not checked yet.
  assertEquals([await value("replay_entries"), await value("replay_bytes")], [undefined, undefined]);
  assertEquals([await value("up", { part: "broker" }), await value("up", { part: "jeedom" })], [undefined, 1]);

  levels = LEVELS;
  assertEquals(await value("replay_entries"), 1009);
});

Deno.test("key_expiry_seconds vanishes with its key, and is absent for a key that never expires", async () => {
  let keys: Gauges["keys"] = [{ name: "old", expiresInSeconds: 10 }, { name: "phone", expiresInSeconds: 20 }];
  using metrics = makeMetrics({ levels: () => ({ ...LEVELS, keys }) });
  const expiry = async () =>
    (await shown(metrics)).get("e2e_gateway_key_expiry_seconds")?.samples.map(({ labels, value }) => [
      labels["key"],
      value,
    ]);
  assertEquals(await expiry(), [["old", 10], ["phone", 20]]);
  keys = [{ name: "phone", expiresInSeconds: 19 }, { name: "default", expiresInSeconds: undefined }];
  assertEquals(await expiry(), [["phone", 19]]);
  // The file allows no such names; the format must hold all the same.
  keys = [{ name: 'a"b\\c\nd}', expiresInSeconds: 5 }, { name: "__proto__", expiresInSeconds: 6 }];
  assertEquals(await expiry(), [['a"b\\c\nd}', 5], ["__proto__", 6]]);
});

Deno.test("process figures are those of the platform at the time of the text", async () => {
  let cpuSeconds = 1.5;
  using metrics = makeMetrics({
    process: () => ({ rssBytes: 11, heapBytes: 12, cpuSeconds, startTimeSeconds: 13 }),
  });
  const value = (name: string) => valueOf(metrics, { name });
  assertEquals(await value("process_resident_memory_bytes"), 11);
  assertEquals(await value("process_heap_bytes"), 12);
  assertEquals(await value("process_start_time_seconds"), 13);
  assertEquals(await value("process_cpu_seconds_total"), 1.5);
  cpuSeconds = 2;
  assertEquals(await value("process_cpu_seconds_total"), 2);
});

Deno.test("two sets of metrics share nothing", async () => {
  using one = makeMetrics();
  using other = makeMetrics({ version: "2.0.0" });
  const before = await series(other);
  one.refused("busy", { address: "192.0.2.1" });
  one.answered({ route: "other", service: "none", result: "ok", seconds: 1 });
  assertEquals(await valueOf(other, { name: "e2e_gateway_refusals_total", labels: { reason: "busy" } }), 0);
  assertEquals(await series(other), before);
  assertEquals(await valueOf(other, { name: "e2e_gateway_build_info", labels: { version: "2.0.0" } }), 1);
});

Deno.test("texts that are asked for at the same time are whole", async () => {
  using metrics = makeMetrics();
  const texts = await Promise.all(Array.from({ length: 5 }, () => metrics.text()));
  assertEquals(new Set(texts).size, 1);
});
